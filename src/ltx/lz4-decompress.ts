import lz4 from 'lz4-napi';
import { decodeBlock, maxBlockSize } from './lz4-block.ts';

/** Blocks of at least this part of their content go to the library. */
const DENSE = 1 / 4;
const MAX_CONTENT = 65536;
/** The library wants the size of the content, 4 bytes, before the block. */
const scratch: Buffer = Buffer.alloc(4 + maxBlockSize(MAX_CONTENT));

/**
 * As `decodeBlock`, with lz4-napi where that pays and is safe: on dense blocks, which have many short sequences, it is
 * more than twice as fast. But its result is native memory that is not freed before the event loop turns, so it never
 * gets a block that grows more than fourfold: what is held is bounded by the bytes that were handed in.
 *
 * It believes the size it is given, which is ours. Whether a block is damaged is for `decodeBlock` to say.
 */
export function decompressBlock(
  input: DataView,
  from: number,
  to: number,
  output: Uint8Array,
  start: number,
  end: number,
  window: number,
): number {
  const room = end - start;
  const isDense = to - from >= room * DENSE && room <= MAX_CONTENT && to - from <= maxBlockSize(room);
  const content = isDense && window === start ? decompressByLibrary(input, from, to, room) : undefined;
  if (content === undefined) return decodeBlock(input, from, to, output, start, end, window);
  output.set(content, start);
  return start + content.length;
}

function decompressByLibrary(input: DataView, from: number, to: number, room: number): Uint8Array | undefined {
  scratch.writeUInt32LE(room);
  scratch.set(new Uint8Array(input.buffer, input.byteOffset + from, to - from), 4);
  try {
    return lz4.uncompressSync(scratch.subarray(0, 4 + to - from));
  } catch {
    // It says only that something is wrong; `decodeBlock` will find it too, or prove it right.
    return undefined;
  }
}
