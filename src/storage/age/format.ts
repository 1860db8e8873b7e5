/**
 * Sizes and marks of an age file (age-encryption.org/v1): a text header with the file key for each recipient, a nonce
 * of 16 bytes, then the content in chunks of 64 KiB, each with a tag of 16 bytes.
 *
 * In ours, header and nonce together always take 4 KiB: a stanza that every reader of age skips fills the rest. So the
 * size of the content follows from the size in the listing alone, whoever the recipients were when it was written.
 */

export const NONCE_SIZE = 16;
/** Header and nonce: where the chunks begin. Room for some 40 recipients, or two of the post-quantum kind. */
export const PROLOGUE_SIZE = 4096;
export const HEADER_SIZE = PROLOGUE_SIZE - NONCE_SIZE;

export const CHUNK_SIZE = 64 * 1024;
export const TAG_SIZE = 16;
export const SEALED_CHUNK_SIZE = CHUNK_SIZE + TAG_SIZE;

const VERSION_LINE = 'age-encryption.org/v1\n';

/** True for the beginning of an age file, also one cut short within its first line. */
export function startsAgeFile(start: Uint8Array): boolean {
  const line = Buffer.from(start.subarray(0, VERSION_LINE.length)).toString('latin1');
  return line.length > 0 && VERSION_LINE.startsWith(line);
}

/** Where the header ends: behind the line that holds its MAC. Undefined where these bytes do not reach that far. */
export function headerEnd(start: Uint8Array): number | undefined {
  const text = Buffer.from(start.buffer, start.byteOffset, start.byteLength);
  const macLine = text.indexOf('\n--- ');
  const end = macLine < 0 ? -1 : text.indexOf('\n', macLine + 1);
  return end < 0 ? undefined : end + 1;
}

/** Size of our file that holds so many bytes. Nothing is held in one empty chunk. */
export function encryptedSize(size: number): number {
  return PROLOGUE_SIZE + size + TAG_SIZE * Math.max(1, Math.ceil(size / CHUNK_SIZE));
}

/** How many bytes our file of this size holds; undefined where no file of ours has it. */
export function contentSize(size: number): number | undefined {
  const payload = size - PROLOGUE_SIZE;
  const rest = payload % SEALED_CHUNK_SIZE;
  if (payload < TAG_SIZE || (rest > 0 && rest <= TAG_SIZE && payload !== TAG_SIZE)) return undefined;
  return payload - TAG_SIZE * Math.ceil(payload / SEALED_CHUNK_SIZE);
}

/** Where the sealed chunk of this number begins in our file. */
export function sealedChunkStart(index: number): number {
  return PROLOGUE_SIZE + index * SEALED_CHUNK_SIZE;
}
