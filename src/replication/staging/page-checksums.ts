import { rm } from 'node:fs/promises';
import { pageChecksum } from '../../ltx/checksum.ts';
import type { Page } from '../../page.ts';
import type { Txid } from '../../quantities.ts';
import type { ChecksumFileHeader } from '../../restore/checksum-file.ts';
import { type ChecksumDraft, startChecksumDraft } from './checksum-draft.ts';

/** Changed pages kept in memory before they go to disk: about 5 MB of map entries. */
const MEMORY_LIMIT = 40_000;

/**
 * Keeps the checksum file in step with the level-0 files, lazily: the changes since the file's TXID stay in memory
 * while they are few (the level-0 files that made them stay staged, so a kill loses nothing), and are folded into
 * the file when they become many. A file of very many pages goes to disk while it is written.
 *
 * The checksums spare an upload of the whole database after downtime, and are worth no commit: where they cannot be
 * kept, they are given up, and come back with the next file of every page.
 */
export class PageChecksums {
  readonly #path: string;
  readonly #memoryLimit: number;
  /** State the file on disk describes; undefined where there is none. */
  #onDisk: ChecksumFileHeader | undefined;
  /** State that `#settled` leads to. */
  #current: ChecksumFileHeader | undefined;
  #settled: Map<number, bigint>;
  #open = new Map<number, bigint>();
  #draft: ChecksumDraft | undefined;
  /** The pages of the LTX file under way could not be recorded. */
  #failed = false;

  constructor(
    path: string,
    onDisk: ChecksumFileHeader | undefined,
    current: ChecksumFileHeader | undefined,
    later: ReadonlyMap<number, bigint>,
    memoryLimit: number = MEMORY_LIMIT,
  ) {
    this.#path = path;
    this.#memoryLimit = memoryLimit;
    this.#onDisk = onDisk;
    this.#current = current;
    this.#settled = new Map(later);
  }

  /** TXID whose state the file on disk describes: staged files up to it are not needed to rebuild the checksums. */
  get durableTxid(): Txid | undefined {
    return this.#onDisk?.txid;
  }

  /** Before an LTX file: does it hold `changes` to the state so far, or `every-page`? */
  async begin(content: 'changes' | 'every-page'): Promise<void> {
    await this.abandon();
    if (content === 'changes') return;
    await this.#orFail(async () => {
      this.#draft = await startChecksumDraft(this.#path, 'nothing');
    });
  }

  async record(batch: readonly Page[]): Promise<void> {
    if (this.#failed || (this.#draft === undefined && this.#onDisk === undefined)) return;
    for (const page of batch) this.#open.set(page.number, pageChecksum(page.number, page.data));
    if (this.#open.size < this.#memoryLimit) return;
    await this.#orFail(async () => {
      this.#draft ??= await this.#startFromCurrent();
      await this.#draft.patch(this.#open);
      this.#open.clear();
    });
  }

  /** The LTX file is durable and the position saved: the state is now `state`. Never fails: see above. */
  async settle(state: ChecksumFileHeader): Promise<void> {
    const draft = this.#draft;
    if (!this.#failed && draft !== undefined) {
      await this.#orFail(async () => {
        await draft.patch(this.#open);
        await this.#publish(draft, state);
      });
    } else if (!this.#failed && this.#onDisk !== undefined) {
      for (const [number, checksum] of this.#open) this.#settled.set(number, checksum);
      this.#current = state;
    }
    if (this.#failed) await this.#giveUp();
    this.#open.clear();
    if (this.#settled.size >= this.#memoryLimit) await this.fold();
  }

  /** The LTX file failed: nothing happened. */
  async abandon(): Promise<void> {
    this.#open.clear();
    this.#failed = false;
    const draft = this.#draft;
    this.#draft = undefined;
    await draft?.abandon();
  }

  /** Brings the file on disk up to the current state, or gives it up where the disk refuses. */
  async fold(): Promise<void> {
    const current = this.#current;
    if (current === undefined || current.txid === this.#onDisk?.txid) return;
    try {
      await this.#publish(await this.#startFromCurrent(), current);
    } catch {
      await this.#giveUp();
    }
  }

  async #startFromCurrent(): Promise<ChecksumDraft> {
    const draft = await startChecksumDraft(this.#path, 'current');
    await draft.patch(this.#settled);
    return draft;
  }

  async #publish(draft: ChecksumDraft, state: ChecksumFileHeader): Promise<void> {
    this.#draft = undefined;
    await draft.publish(state);
    this.#onDisk = state;
    this.#current = state;
    this.#settled.clear();
  }

  async #orFail(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch {
      this.#failed = true;
      this.#draft = undefined;
    }
  }

  /** From here on they would miss a change, and a page that went back to what it was before would never be sent. */
  async #giveUp(): Promise<void> {
    this.#failed = false;
    this.#onDisk = undefined;
    this.#current = undefined;
    this.#settled.clear();
    await rm(this.#path, { force: true }).catch(() => undefined);
  }
}
