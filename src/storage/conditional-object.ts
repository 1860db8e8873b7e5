import { StationError } from '../errors.ts';
import type { ObjectVersion, VersionedObject } from './object-store.ts';

/** A lease has some hundred bytes; whatever is larger is none. */
const MOST_BYTES = 64 * 1024;

/** The whole object of one state, by a download that tells which state it reads. */
export async function readVersioned(
  url: string,
  download: (seen: (version: string | undefined) => void) => AsyncIterable<Uint8Array>,
): Promise<VersionedObject> {
  let version: string | undefined;
  const bytes = await readSmall(
    url,
    download((seen) => {
      version = seen;
    }),
  );
  return { bytes, version: versionOf(url, version) };
}

/** @throws StationError STORAGE_BROKEN where the store named none */
export function versionOf(url: string, version: string | undefined): ObjectVersion {
  if (version !== undefined && version !== '') return version as ObjectVersion;
  throw new StationError('STORAGE_BROKEN', `${url} was answered without a version`);
}

/** What comes, up to the largest size of such an object. */
export async function readSmall(url: string, chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const read: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.byteLength;
    if (size > MOST_BYTES) {
      throw new StationError('STORAGE_BROKEN', `${url} is larger than ${MOST_BYTES} bytes: it is not ours`, {
        hint: 'something else has that name: move it away, or change the replica’s path',
      });
    }
    read.push(chunk);
  }
  return Buffer.concat(read);
}

/** What is written must be readable. */
export function checkSmall(url: string, bytes: Uint8Array): void {
  if (bytes.byteLength <= MOST_BYTES) return;
  throw new StationError('INTERNAL', `${url} would have ${bytes.byteLength} bytes, ${MOST_BYTES} at most are read`);
}

/** The object is not, or not any more, in the state that was expected. */
export function inAnotherState(url: string, cause?: unknown): StationError {
  return new StationError('STORAGE_ALREADY_EXISTS', `PreconditionFailed: ${url} is in another state`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'another writer changed it first',
  });
}
