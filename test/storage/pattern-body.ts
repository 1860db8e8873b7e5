import { createHash, randomBytes } from 'node:crypto';
import { bytes } from '../../src/quantities.ts';
import type { ObjectBody } from '../../src/storage/object-store.ts';

/** Bytes made as they are asked for, so that the source takes no memory. */
export function patternBody(size: number): { readonly body: ObjectBody; readonly digest: () => string } {
  const block = randomBytes(64 * 1024);
  const at = (position: number, end: number) => {
    const offset = position % block.length;
    return block.subarray(offset, Math.min(block.length, offset + end - position));
  };
  async function* open(range = { start: 0, end: size }) {
    for (let position = range.start; position < range.end; ) {
      const chunk = at(position, range.end);
      yield chunk;
      position += chunk.length;
    }
  }
  const digest = () => {
    const hash = createHash('sha256');
    for (let position = 0; position < size; position += block.length) hash.update(at(position, size));
    return hash.digest('hex');
  };
  return { body: { size: bytes(size), open }, digest };
}
