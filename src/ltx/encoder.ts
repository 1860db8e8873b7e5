import { StationError } from '../errors.ts';
import type { PageNumber } from '../quantities.ts';
import { CHECKSUM_FLAG, Crc64 } from './checksum.ts';
import { encodeHeader, type LtxHeader } from './header.ts';
import { encodePageFrame } from './lz4-frame.ts';
import { PageIndexDraft } from './page-index-draft.ts';
import { PageRules } from './page-rules.ts';

const PAGE_HEADER_SIZE = 6;

type EncoderState = 'new' | 'pages' | 'finished';

/**
 * Writes one LTX file of version 3 as Litestream 0.5 writes it: no rolling checksums, each page an LZ4 frame with a
 * content checksum, which every 0.5 release reads. Call `start`, then `page` for each page, ascending, then `finish`;
 * each gives the next bytes of the file, in memory of their own. Only the index is held: about three bytes a page.
 *
 * Every method throws LTX_INVALID for what stock Litestream would not restore.
 */
export class LtxEncoder {
  readonly header: LtxHeader;
  readonly #rules: PageRules;
  readonly #index = new PageIndexDraft();
  readonly #checksum = new Crc64();
  #state: EncoderState = 'new';
  #size = 0;
  #fileChecksum = 0n;

  constructor(header: LtxHeader) {
    // Its restore refuses the post-apply checksum of the one, and has no valid value for that of the other.
    if (header.checksums !== 'none') throw invalid('files with rolling checksums are not written');
    if (header.commit === 0) throw invalid('a file for a deleted database is not written');
    this.header = header;
    this.#rules = new PageRules(header);
  }

  /** Bytes of the file so far. */
  get size(): number {
    return this.#size;
  }

  /** The checksum that ends the file; 0 before it is finished. */
  get fileChecksum(): bigint {
    return this.#fileChecksum;
  }

  start(): Uint8Array {
    this.#enter('new', 'pages');
    const header = encodeHeader(this.header);
    this.#checksum.update(header);
    this.#size = header.length;
    return header;
  }

  page(number: PageNumber, data: Uint8Array): Uint8Array {
    this.#enter('pages', 'pages');
    if (data.length !== this.header.pageSize) {
      throw invalid(`page ${number} has ${data.length} bytes, not ${this.header.pageSize}`);
    }
    this.#rules.next(number, '');
    const bytes = encodePageFrame(data, PAGE_HEADER_SIZE);
    new DataView(bytes.buffer).setUint32(0, number);
    this.#checksum.update(bytes, 0, PAGE_HEADER_SIZE).update(data);
    this.#index.add(number, bytes.length);
    this.#size += bytes.length;
    return bytes;
  }

  finish(): Uint8Array {
    return Buffer.concat([...this.finishInPieces()]);
  }

  /** What `finish` gives, in pieces of 64 KiB: the index of a large database takes many megabytes. */
  *finishInPieces(): Generator<Uint8Array> {
    this.#enter('pages', 'finished');
    this.#rules.finish('');
    yield this.#add(new Uint8Array(PAGE_HEADER_SIZE));
    const start = this.#size;
    for (const piece of this.#index.encode()) yield this.#add(piece);
    // The size of the index and the post-apply checksum, which is 0 here, are covered by the file's checksum.
    const tail = new Uint8Array(24);
    const view = new DataView(tail.buffer);
    view.setBigUint64(0, BigInt(this.#size - start));
    this.#checksum.update(tail, 0, 16);
    this.#fileChecksum = this.#checksum.digest() | CHECKSUM_FLAG;
    view.setBigUint64(16, this.#fileChecksum);
    this.#size += tail.length;
    yield tail;
  }

  #add(bytes: Uint8Array): Uint8Array {
    this.#checksum.update(bytes);
    this.#size += bytes.length;
    return bytes;
  }

  #enter(from: EncoderState, to: EncoderState): void {
    if (this.#state !== from) throw new StationError('INTERNAL', 'an LTX encoder was called out of order');
    this.#state = to;
  }
}

function invalid(message: string): StationError {
  return new StationError('LTX_INVALID', message);
}
