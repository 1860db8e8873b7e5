import { decodeBlock, maxBlockSize } from '../../ltx/lz4-block.ts';
import { FRAME_MAGIC } from '../../ltx/lz4-frame.ts';
import { xxh32 } from '../../ltx/xxh32.ts';
import { ByteSource } from './byte-source.ts';
import { legacyDamage } from './damage.ts';
import { RunningXxh32 } from './running-xxh32.ts';

/** How far back a block that depends on those before it may refer. */
const WINDOW = 64 * 1024;
/** Set in a block's size if its bytes are stored as they are. */
const STORED = 0x80000000;
const HEADER_SIZE = 7;

interface FrameHeader {
  readonly maxBlock: number;
  readonly independent: boolean;
  readonly blockChecksums: boolean;
  readonly contentChecksum: boolean;
  readonly contentSize: bigint | undefined;
}

/**
 * The content of LZ4 frames, one after the other, block by block (4 MiB where Litestream wrote them); each piece is
 * valid until the next is asked for. Memory: three blocks. Every checksum that is there is verified.
 * @param name for messages
 * @throws StationError LEGACY_DAMAGED, and what the source throws
 */
export async function* decompressFrames(
  compressed: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array> {
  const source = new ByteSource(compressed);
  const output = new BlockOutput();
  try {
    for (let frames = 0; ; frames += 1) {
      const start = Uint8Array.from(await source.take(HEADER_SIZE));
      if (start.byteLength === 0 && frames > 0) return;
      const header = await readHeader(source, start, name);
      yield* decompressFrame(source, header, output, name);
    }
  } finally {
    await source.close();
  }
}

/** Whether these bytes begin as such a frame does. @throws StationError LEGACY_DAMAGED */
export async function probeFrame(bytes: Uint8Array, name: string): Promise<void> {
  const source = new ByteSource(
    (async function* () {
      yield bytes;
    })(),
  );
  await readHeader(source, Uint8Array.from(await source.take(HEADER_SIZE)), name);
}

async function* decompressFrame(
  source: ByteSource,
  header: FrameHeader,
  output: BlockOutput,
  name: string,
): AsyncGenerator<Uint8Array> {
  const checksum = new RunningXxh32();
  let size = 0;
  output.begin(header.maxBlock);
  for (;;) {
    const word = uint32(await exactly(source, 4, name));
    if (word === 0) break;
    const stored = word >= STORED;
    const blockSize = stored ? word - STORED : word;
    if (blockSize > (stored ? header.maxBlock : maxBlockSize(header.maxBlock))) {
      throw damaged(source, name, `a block of ${blockSize} bytes is too large`);
    }
    const withChecksum = await exactly(source, blockSize + (header.blockChecksums ? 4 : 0), name);
    const block = withChecksum.subarray(0, blockSize);
    if (header.blockChecksums && xxh32(block) !== uint32(withChecksum.subarray(blockSize))) {
      throw damaged(source, name, 'the checksum of a block is wrong');
    }
    const content = stored ? output.store(block) : output.decode(block, header.independent);
    if (content === undefined) throw damaged(source, name, 'a block is malformed');
    checksum.add(content);
    size += content.byteLength;
    yield content;
  }
  if (header.contentChecksum && uint32(await exactly(source, 4, name)) !== checksum.value) {
    throw damaged(source, name, 'the checksum of the content is wrong');
  }
  if (header.contentSize !== undefined && header.contentSize !== BigInt(size)) {
    throw damaged(source, name, `it holds ${size} bytes, not ${header.contentSize} as its header says`);
  }
}

async function readHeader(source: ByteSource, start: Uint8Array, name: string): Promise<FrameHeader> {
  if (start.byteLength < HEADER_SIZE)
    throw legacyDamage(name, `ends after ${source.offset} bytes, within an LZ4 header`);
  if (uint32(start) !== FRAME_MAGIC) throw damaged(source, name, 'it does not begin with the magic number');
  const [flags = 0, descriptor = 0] = start.subarray(4);
  if ((flags & 0xc3) !== 0x40 || (descriptor & 0x8f) !== 0 || descriptor < 0x40) {
    throw damaged(source, name, `its flags ${flags.toString(16)} ${descriptor.toString(16)} are unknown`);
  }
  const hasSize = (flags & 0x08) !== 0;
  const head = hasSize ? Buffer.concat([start, await exactly(source, 8, name)]) : Buffer.from(start);
  if (head.at(-1) !== ((xxh32(head, 4, head.byteLength - 1) >>> 8) & 0xff)) {
    throw damaged(source, name, 'the checksum of its header is wrong');
  }
  return {
    maxBlock: 1 << (8 + 2 * (descriptor >>> 4)),
    independent: (flags & 0x20) !== 0,
    blockChecksums: (flags & 0x10) !== 0,
    contentChecksum: (flags & 0x04) !== 0,
    contentSize: hasSize ? head.readBigUInt64LE(6) : undefined,
  };
}

async function exactly(source: ByteSource, size: number, name: string): Promise<Uint8Array> {
  const bytes = await source.take(size);
  if (bytes.byteLength < size) throw legacyDamage(name, `is cut short after ${source.offset} bytes`);
  return bytes;
}

function damaged(source: ByteSource, name: string, what: string) {
  return legacyDamage(name, `the LZ4 frame is wrong before byte ${source.offset}: ${what}`);
}

function uint32(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
}

/** Room for a block, and before it for what it may refer to. */
class BlockOutput {
  #memory = new Uint8Array(0);
  #maxBlock = 0;
  /** How much of the window is filled, ending where the block begins. */
  #window = 0;
  /** Size of the block that was written last. */
  #size = 0;

  begin(maxBlock: number): void {
    if (this.#memory.byteLength < WINDOW + maxBlock) this.#memory = new Uint8Array(WINDOW + maxBlock);
    this.#maxBlock = maxBlock;
    this.#window = 0;
    this.#size = 0;
  }

  store(block: Uint8Array): Uint8Array {
    this.#moveWindow();
    this.#memory.set(block, WINDOW);
    return this.#written(block.byteLength);
  }

  /** Undefined where the block is malformed or gives more than the frame's blocks may. */
  decode(block: Uint8Array, independent: boolean): Uint8Array | undefined {
    this.#moveWindow();
    const input = new DataView(block.buffer, block.byteOffset, block.byteLength);
    const oldest = independent ? WINDOW : WINDOW - this.#window;
    const end = decodeBlock(input, 0, block.byteLength, this.#memory, WINDOW, WINDOW + this.#maxBlock, oldest);
    return end < WINDOW ? undefined : this.#written(end - WINDOW);
  }

  #written(size: number): Uint8Array {
    this.#size = size;
    return this.#memory.subarray(WINDOW, WINDOW + size);
  }

  /** Not before the next block: until then the last one is the caller's. */
  #moveWindow(): void {
    const kept = Math.min(WINDOW, this.#window + this.#size);
    const end = WINDOW + this.#size;
    this.#memory.copyWithin(WINDOW - kept, end - kept, end);
    this.#window = kept;
    this.#size = 0;
  }
}
