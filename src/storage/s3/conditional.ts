import { PutObjectCommand } from '@aws-sdk/client-s3';
import { isStationError, type StationError } from '../../errors.ts';
import { checkSmall, inAnotherState, readVersioned, versionOf } from '../conditional-object.ts';
import type { ConditionalObject, ObjectVersion, VersionedObject } from '../object-store.ts';
import { isNotImplemented } from './create-only.ts';
import { download } from './download.ts';
import { customerKeyOf, encryptionOf } from './encryption.ts';
import { statusOf, wordOf } from './errors.ts';
import { checkStored, operationOf } from './put.ts';
import type { S3Session } from './session.ts';
import { type EtagForm, etagIn } from './swap.ts';

type Condition = { readonly IfNoneMatch: string } | { readonly IfMatch: string } | Record<string, never>;

/** Of no object: an MD5 that nobody has met. */
const STALE = '"5a1e5a1e5a1e5a1e5a1e5a1e5a1e5a1e"';

/**
 * Compare-and-swap by ETag. Where the store is known to ignore or to refuse the condition, or does so, the object is
 * read, compared and put: that finds every earlier write, and cannot stop a writer in the same moment (unable to fence).
 *
 * The SDK tries again by itself after a broken connection: a write that was taken the first time is then refused by
 * itself. And it is not hidden that a store answers 5xx: the object is looked at, and what is there decides.
 */
export function s3Conditional(session: S3Session, key: string): ConditionalObject {
  const { url } = operationOf(session, key);

  async function read(signal?: AbortSignal): Promise<VersionedObject | undefined> {
    try {
      return await readVersioned(url, (seen) => download(session, key, undefined, signal, seen));
    } catch (error) {
      // Any other 404 (the bucket is missing, something else listens there) is no answer to what was asked.
      if (isStationError(error, 'STORAGE_NOT_FOUND') && wordOf(error.cause) === 'NoSuchKey') return undefined;
      throw error;
    }
  }

  async function put(bytes: Uint8Array, condition: Condition, signal?: AbortSignal): Promise<ObjectVersion> {
    const command = new PutObjectCommand({
      Bucket: session.options.bucket,
      Key: session.fullKey(key),
      Body: bytes,
      // Not in the replica's storage class: what is replaced every few seconds must be readable, and cheap to replace.
      ...encryptionOf(session.options),
      ...customerKeyOf(session.options),
      ...condition,
    });
    const operation = operationOf(session, key);
    const { ETag } = await session.send((client, abort) => client.send(command, abort), operation, signal);
    checkStored(ETag, operation);
    return versionOf(url, ETag);
  }

  async function create(bytes: Uint8Array, signal?: AbortSignal): Promise<ObjectVersion> {
    return await put(bytes, { IfNoneMatch: '*' }, signal).catch((error: unknown) => {
      throw isConflict(error) ? inAnotherState(url, error) : error;
    });
  }

  async function swap(bytes: Uint8Array, expected: ObjectVersion, signal?: AbortSignal): Promise<ObjectVersion> {
    const attempt = (form: EtagForm) => put(bytes, { IfMatch: etagIn(form, expected) }, signal);
    try {
      return await attempt(session.swap.form);
    } catch (error) {
      if (isConflict(error) || isMissing(error)) throw inAnotherState(url, error);
      if (session.endpoint.provider.swap !== 'unknown' || !isDoubtful(error)) throw error;
      const current = await read(signal);
      if (current?.version !== expected) {
        const ours = current !== undefined && Buffer.from(bytes).equals(current.bytes);
        throw ours ? error : inAnotherState(url, error);
      }
      // The object is what was expected, so that the ETag's form is all that can be wrong.
      if (!isStationError(error, 'STORAGE_ALREADY_EXISTS') || session.swap.form === 'bare') throw error;
      const version = await attempt('bare');
      session.swap.form = 'bare';
      return version;
    }
  }

  async function writePlainly(bytes: Uint8Array, expected: ObjectVersion | undefined, signal?: AbortSignal) {
    const current = await read(signal);
    if (current?.version !== expected) throw inAnotherState(url);
    return await put(bytes, {}, signal);
  }

  /** The state just written once more, in place of one that never was: it must be refused. */
  async function tryStale(bytes: Uint8Array, version: ObjectVersion, signal?: AbortSignal): Promise<ObjectVersion> {
    try {
      const taken = await put(bytes, { IfMatch: STALE }, signal);
      session.swap.learn('ignored', `${session.url}: the store took a put with the ETag of another state`);
      return taken;
    } catch (error) {
      if (isStationError(error, 'STORAGE_ALREADY_EXISTS')) session.swap.learn('honoured', '');
      else if (isNotImplemented(error)) session.swap.learn('refused', refusal(error));
      // Anything else (the network, the end of this process) says nothing of the store: a later write tries again.
      return version;
    }
  }

  const refusal = (error: StationError) =>
    `${session.url}: the store refuses conditional puts (${wordOf(error.cause)})`;

  return {
    read,
    write: async (bytes, expected, signal) => {
      checkSmall(url, bytes);
      const known = expected === undefined ? session.createOnly : session.swap;
      const { provider } = session.endpoint;
      if (known.support === 'ignored' || known.support === 'refused') {
        known.learn(known.support, `${provider.name} does not heed the condition of a put`);
        return await writePlainly(bytes, expected, signal);
      }
      let version: ObjectVersion;
      try {
        version = expected === undefined ? await create(bytes, signal) : await swap(bytes, expected, signal);
      } catch (error) {
        if (!session.settings.emulateCreateOnly || !isNotImplemented(error)) throw error;
        const written = await writePlainly(bytes, expected, signal);
        known.learn('refused', refusal(error));
        return written;
      }
      return session.swap.tryIt ? await tryStale(bytes, version, signal) : version;
    },
  };
}

/** Two conditional writes met; this one was not made. */
const isConflict = (error: unknown) =>
  isStationError(error, 'STORAGE_THROTTLED') && wordOf(error.cause) === 'ConditionalRequestConflict';

const isMissing = (error: unknown) => isStationError(error, 'STORAGE_NOT_FOUND') && wordOf(error.cause) === 'NoSuchKey';

/** Refused, perhaps for the ETag's quotes; or 5xx, which Ceph 16 gives to losers. */
const isDoubtful = (error: unknown): error is StationError =>
  isStationError(error, 'STORAGE_ALREADY_EXISTS') ||
  (isStationError(error, 'STORAGE_UNREACHABLE') && (statusOf(error.cause) ?? 0) >= 500);
