import type { WordOrder } from '../../wal/wal-checksum.ts';
import { decodeFrames, frameSize } from '../../wal/wal-frame.ts';
import { decodeWalHeader, WAL_HEADER_SIZE } from '../../wal/wal-header.ts';
import type { WalPosition } from '../../wal/wal-position.ts';

const NOTHING: Buffer = Buffer.alloc(0);

/**
 * Reads one WAL file as it arrives, in chunks of any size: hands over the frames before the first one that is not valid,
 * by salts and running checksum, whether they are committed or not. Memory: a frame.
 */
export class WalStream {
  /** Bytes that were valid: up to the end of the last valid frame. */
  validBytes = 0;
  readonly #pageSize: number;
  readonly #frame: (page: number, commit: number, image: Uint8Array) => void;
  #rest: Buffer = NOTHING;
  #position: { readonly at: WalPosition; readonly order: WordOrder } | undefined;
  #ended = false;

  /** @param frame `commit` is the size of the database in pages where a transaction ends, else 0 */
  constructor(pageSize: number, frame: (page: number, commit: number, image: Uint8Array) => void) {
    this.#pageSize = pageSize;
    this.#frame = frame;
  }

  /** The header's first salt; undefined before it was read, or where it is none. */
  get salt(): number | undefined {
    return this.#position?.at.salt1;
  }

  /** False from the first byte on that is no part of this WAL: what follows is ignored. */
  push(chunk: Uint8Array): boolean {
    let data = asBuffer(chunk);
    // Only what completes a header or a frame is copied, not the chunk.
    while (!this.#ended && this.#rest.byteLength > 0 && data.byteLength > 0) {
      const missing = this.#unit - this.#rest.byteLength;
      const whole = Buffer.concat([this.#rest, data.subarray(0, missing)]);
      data = data.subarray(missing);
      this.#read(whole);
    }
    if (!this.#ended && data.byteLength > 0) this.#read(data);
    return !this.#ended;
  }

  /** Size of what comes next: the header, or a frame. */
  get #unit(): number {
    return this.#position === undefined ? WAL_HEADER_SIZE : frameSize(this.#pageSize);
  }

  #read(data: Buffer): void {
    if (data.byteLength < this.#unit) {
      this.#rest = Buffer.from(data);
      return;
    }
    this.#rest = NOTHING;
    if (this.#position === undefined) {
      const header = decodeWalHeader(data);
      if (header === undefined || header.pageSize !== this.#pageSize) {
        this.#ended = true;
        return;
      }
      const { order, pageSize, salt1, salt2, checksum1, checksum2 } = header;
      this.#position = { at: { pageSize, salt1, salt2, checksum1, checksum2, offset: WAL_HEADER_SIZE }, order };
      this.validBytes = WAL_HEADER_SIZE;
      this.#read(data.subarray(WAL_HEADER_SIZE));
      return;
    }
    const { at, order } = this.#position;
    const next = decodeFrames(data, at, order, this.#frame);
    this.#position = { at: next, order };
    this.validBytes = next.offset;
    const left = data.subarray(next.offset - at.offset);
    if (left.byteLength < this.#unit) this.#rest = Buffer.from(left);
    else this.#ended = true;
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
