import type { Page } from '../page.ts';
import { pageNumber } from '../quantities.ts';
import { PageIndex } from './page-index.ts';
import { SpillFile } from './spill-file.ts';

const MEMORY_LIMIT = 8 * 1024 * 1024;
const BLOCK_SIZE = 256 * 1024;
const ZERO_SLOT = 0xffffffff;

/**
 * The newest image of each page: the first 8 MiB in memory, the rest in a file, so that a transaction of any size
 * costs no more memory than its index. A page that comes again takes the slot it had.
 */
export class PendingPages {
  readonly pageSize: number;
  readonly #spillFolder: string;
  readonly #slotsPerBlock: number;
  readonly #memorySlots: number;
  readonly #blocks: Buffer[] = [];
  readonly #index = new PageIndex();
  /** The newest spilled pages, until they fill a block that is worth a write. */
  #tail: Buffer | undefined;
  #spill: SpillFile | undefined;
  #flushedSlots: number;
  #nextSlot = 0;

  constructor(pageSize: number, spillFolder: string, memoryLimit = MEMORY_LIMIT) {
    this.pageSize = pageSize;
    this.#spillFolder = spillFolder;
    this.#slotsPerBlock = Math.max(1, Math.floor(BLOCK_SIZE / pageSize));
    this.#memorySlots = Math.floor(memoryLimit / (this.#slotsPerBlock * pageSize)) * this.#slotsPerBlock;
    this.#flushedSlots = this.#memorySlots;
  }

  get size(): number {
    return this.#index.size;
  }

  has(page: number): boolean {
    return this.#index.get(page) !== undefined;
  }

  numbers(last: number): Uint32Array {
    return this.#index.pages(last);
  }

  put(page: number, data: Uint8Array): void {
    const known = this.#index.get(page);
    if (known !== undefined && known !== ZERO_SLOT) {
      this.#store(known, data);
      return;
    }
    const slot = this.#nextSlot;
    this.#store(slot, data);
    this.#nextSlot += 1;
    this.#index.set(page, slot);
  }

  putZeros(page: number): void {
    this.#index.set(page, ZERO_SLOT);
  }

  /** The images of `numbers`, in that order, in batches of about 256 KiB that are valid until the next one. */
  *batches(numbers: Uint32Array): Generator<readonly Page[]> {
    const perBatch = this.#slotsPerBlock;
    const buffer = Buffer.allocUnsafe(Math.min(perBatch, numbers.length) * this.pageSize);
    for (let start = 0; start < numbers.length; start += perBatch) {
      const wanted = numbers.subarray(start, start + perBatch);
      this.#fill(wanted, buffer);
      yield Array.from(wanted, (number, index) => ({
        number: pageNumber(number),
        data: buffer.subarray(index * this.pageSize, (index + 1) * this.pageSize),
      }));
    }
  }

  close(): void {
    this.#spill?.close();
    this.#spill = undefined;
    this.#blocks.length = 0;
  }

  #store(slot: number, data: Uint8Array): void {
    if (slot < this.#memorySlots) {
      const block = Math.floor(slot / this.#slotsPerBlock);
      this.#blocks[block] ??= Buffer.allocUnsafeSlow(this.#slotsPerBlock * this.pageSize);
      this.#blocks[block].set(data, (slot % this.#slotsPerBlock) * this.pageSize);
    } else if (slot < this.#flushedSlots) {
      this.#spill?.write(data, this.pageSize, this.#spillOffset(slot));
    } else {
      if (slot === this.#flushedSlots + this.#slotsPerBlock) this.#flush();
      this.#tail ??= Buffer.allocUnsafeSlow(this.#slotsPerBlock * this.pageSize);
      this.#tail.set(data, (slot - this.#flushedSlots) * this.pageSize);
    }
  }

  #flush(): void {
    if (this.#tail === undefined) return;
    this.#spill ??= new SpillFile(this.#spillFolder);
    this.#spill.write(this.#tail, this.#tail.length, this.#spillOffset(this.#flushedSlots));
    this.#flushedSlots += this.#slotsPerBlock;
  }

  #spillOffset(slot: number): number {
    return (slot - this.#memorySlots) * this.pageSize;
  }

  #fill(wanted: Uint32Array, buffer: Buffer): void {
    for (let index = 0; index < wanted.length; ) {
      const slot = this.#index.get(wanted[index] as number);
      let run = 1;
      const start = index * this.pageSize;
      if (slot === undefined || slot === ZERO_SLOT) buffer.fill(0, start, start + this.pageSize);
      else if (slot < this.#memorySlots || slot >= this.#flushedSlots) buffer.set(this.#inMemory(slot), start);
      else {
        while (index + run < wanted.length && slot + run < this.#flushedSlots) {
          if (this.#index.get(wanted[index + run] as number) !== slot + run) break;
          run += 1;
        }
        this.#spill?.read(buffer, start, run * this.pageSize, this.#spillOffset(slot));
      }
      index += run;
    }
  }

  #inMemory(slot: number): Uint8Array {
    const fromTail = slot >= this.#flushedSlots;
    const block = fromTail ? this.#tail : this.#blocks[Math.floor(slot / this.#slotsPerBlock)];
    const within = fromTail ? slot - this.#flushedSlots : slot % this.#slotsPerBlock;
    if (block === undefined) throw new RangeError(`no page was ever put in slot ${slot}`);
    return block.subarray(within * this.pageSize, (within + 1) * this.pageSize);
  }
}
