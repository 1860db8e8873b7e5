import { z } from 'zod';
import { StationError } from '../../errors.ts';
import type { ObjectBody, PutOptions } from '../object-store.ts';
import type { GcsOperation } from './errors.ts';
import type { GcsSession } from './session.ts';

export const CONTENT_TYPE = 'application/octet-stream';

export function putOperation(session: GcsSession, key: string): GcsOperation {
  return { permission: 'storage.objects.create', url: `gs://${session.options.bucket}/${session.fullKey(key)}` };
}

/** Where objects are made: `/upload` before the address of the bucket's objects. */
export const uploads = (session: GcsSession): string => `/upload${session.objects}`;

/** Generation 0 is that of an object that does not exist: said where the upload begins, checked where it takes effect. */
export const conditionOf = (options: PutOptions): Readonly<Record<string, string>> =>
  options.createOnly ? { ifGenerationMatch: '0' } : {};

/** What the object will be, beside its bytes. */
export function resourceOf(session: GcsSession, key: string, options: PutOptions) {
  const { timestamp } = options;
  return {
    name: session.fullKey(key),
    contentType: CONTENT_TYPE,
    ...(timestamp === undefined ? {} : { metadata: { 'litestream-timestamp': new Date(timestamp).toISOString() } }),
  };
}

const storedObject = z.object({ generation: z.string(), size: z.string() });

/**
 * Whatever else answers 200 to anything (a login page, a console's port) has stored nothing.
 * @returns the generation of what was stored
 */
export function checkStored(text: string, body: ObjectBody, operation: GcsOperation): string {
  const stored = storedObject.safeParse(parsed(text)).data;
  if (stored === undefined) throw notGcs(`no generation for ${operation.url}`);
  if (Number(stored.size) === body.size) return stored.generation;
  throw new StationError('STORAGE_BROKEN', `${operation.url} was stored with ${stored.size} of ${body.size} bytes`);
}

export function notGcs(what: string): StationError {
  return new StationError('STORAGE_BROKEN', `the endpoint answers, but not as Google Cloud Storage does: ${what}`, {
    hint: 'check the endpoint: its host, its port, and what stands before it',
  });
}

/** Undefined for what is not JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The caller says what was expected, and of whom.
    return undefined;
  }
}
