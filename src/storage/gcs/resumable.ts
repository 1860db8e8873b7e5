import { createHash, type Hash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { isStationError, StationError } from '../../errors.ts';
import { readPart } from '../object-body.ts';
import type { ObjectBody, PutOptions } from '../object-store.ts';
import { type GcsOperation, statusOf } from './errors.ts';
import { CONTENT_TYPE, checkStored, conditionOf, notGcs, putOperation, resourceOf, uploads } from './put.ts';
import type { GcsAnswer, GcsSession } from './session.ts';

const CANCEL_TIMEOUT = 5_000;

/** An upload under way. Its address alone gives the right to go on with it. */
interface Upload {
  readonly session: GcsSession;
  readonly address: URL;
  readonly body: ObjectBody;
  readonly operation: GcsOperation;
  readonly signal: AbortSignal | undefined;
}

/** Puts one object chunk by chunk; one that breaks is taken up where GCS says it stands. Nothing is there before the last chunk is. */
export async function putInChunks(
  session: GcsSession,
  key: string,
  body: ObjectBody,
  options: PutOptions,
): Promise<void> {
  const operation = putOperation(session, key);
  const address = await begin(session, key, body, options, operation);
  const upload: Upload = { session, address, body, operation, signal: options.signal };
  try {
    await sendChunks(upload);
  } catch (error) {
    await cancel(upload);
    throw error;
  }
}

async function begin(
  session: GcsSession,
  key: string,
  body: ObjectBody,
  options: PutOptions,
  operation: GcsOperation,
): Promise<URL> {
  const answer = await session.ask(
    {
      method: 'POST',
      address: uploads(session),
      query: { uploadType: 'resumable', ...conditionOf(options) },
      headers: {
        'content-type': 'application/json; charset=UTF-8',
        'x-upload-content-type': CONTENT_TYPE,
        'x-upload-content-length': String(body.size),
      },
      body: [Buffer.from(JSON.stringify(resourceOf(session, key, options)))],
    },
    operation,
    options.signal,
  );
  const { location } = answer.headers;
  if (location === undefined || !URL.canParse(location)) throw notGcs(`no upload address for ${operation.url}`);
  return new URL(location);
}

async function sendChunks(upload: Upload): Promise<void> {
  const { body, operation, signal, session } = upload;
  // One buffer for all chunks: fresh ones would pile up until the collector comes round.
  const buffer = Buffer.allocUnsafe(session.settings.chunkSize);
  const checksum = createHash('md5');
  let offset = 0;
  for (let failures = 0; ; ) {
    const end = Math.min(body.size, offset + buffer.length);
    const chunk = await readPart(body, offset, end, buffer, signal);
    const answer = await sendChunk(upload, chunk, offset, checksum).catch(async (error: unknown) => {
      failures += 1;
      if (!isWorthAnotherTry(error) || failures >= session.settings.attempts) throw error;
      await pause(50 * 2 ** failures, undefined, signal === undefined ? {} : { signal }).catch(() => {});
      return askForState(upload);
    });
    if (answer.status !== 308) {
      checkStored(answer.text, body, operation);
      return;
    }
    const held = heldBytes(answer);
    if (held < offset || held > end) {
      throw new StationError(
        'STORAGE_BROKEN',
        `${operation.url}: the store holds ${held} bytes after ${end} were sent`,
      );
    }
    if (held > offset) failures = 0;
    else failures += 1;
    if (failures > session.settings.attempts) throw stuck(upload, offset);
    checksum.update(chunk.subarray(0, held - offset));
    offset = held;
  }
}

/** The last chunk brings the checksum of the whole: GCS then makes no object of bytes that changed on the way. */
function sendChunk(upload: Upload, chunk: Buffer, offset: number, before: Hash): Promise<GcsAnswer> {
  const { session, address, body, operation, signal } = upload;
  const end = offset + chunk.byteLength;
  const headers: Record<string, string> = { 'content-range': `bytes ${offset}-${end - 1}/${body.size}` };
  if (end === body.size) {
    headers['x-goog-hash'] = `md5=${before.copy().update(chunk).digest('base64')}`;
  }
  // Not sent again blindly: how much of it arrived must be known first.
  const request = { method: 'PUT', address, headers, body: [chunk], attempts: 1 } as const;
  return session.ask(request, operation, signal).catch(explainGone(upload));
}

function askForState(upload: Upload): Promise<GcsAnswer> {
  const { session, address, body, operation, signal } = upload;
  const headers = { 'content-range': `bytes */${body.size}` };
  return session.ask({ method: 'PUT', address, headers }, operation, signal).catch(explainGone(upload));
}

/** An upload that GCS has forgotten is begun anew by our caller: whether it was completed, only reading back tells. */
function explainGone({ operation }: Upload): (error: unknown) => never {
  return (error) => {
    const status = isStationError(error) ? statusOf(error.cause) : undefined;
    if (status !== 404 && status !== 410) throw error;
    throw new StationError('STORAGE_UNREACHABLE', `the upload of ${operation.url} is gone`, { cause: error });
  };
}

const isWorthAnotherTry = (error: unknown): boolean =>
  isStationError(error, 'STORAGE_UNREACHABLE', 'STORAGE_THROTTLED') && !/ is gone$/.test(error.message);

/** `bytes=0-N`; no header at all where nothing has arrived. */
function heldBytes(answer: GcsAnswer): number {
  const last = /^bytes=0-(\d+)$/.exec(answer.headers.range ?? '')?.[1];
  return last === undefined ? 0 : Number(last) + 1;
}

function stuck({ operation }: Upload, offset: number): StationError {
  return new StationError('STORAGE_UNREACHABLE', `${operation.url}: the store takes nothing after ${offset} bytes`);
}

/** What went wrong before is what counts, so a failure here is not reported over it; GCS forgets an upload after a week. */
async function cancel({ session, address, operation }: Upload): Promise<void> {
  const limit = AbortSignal.timeout(CANCEL_TIMEOUT);
  await session.ask({ method: 'DELETE', address, attempts: 1 }, operation, limit).catch(() => {});
}
