import type { Milliseconds } from '../../quantities.ts';
import { type HeldFile, type HeldFiles, idOf } from '../levels/held-files.ts';
import { type Merge, nextMerge } from '../levels/merge-plan.ts';
import type { NextStep } from '../levels/next-step.ts';
import { type FileToUpload, uploadLtxFile } from '../replica/upload.ts';
import { mergeFiles } from './merge-files.ts';
import type { UpkeepOptions } from './upkeep-options.ts';

export type Compacted =
  | { readonly kind: 'put'; readonly file: FileToUpload }
  /** A file cannot be read; the next merge goes around it. */
  | { readonly kind: 'damaged' };

/** Merges the files of one replica into the next level, one merge at a time. */
export class Compaction {
  readonly #options: UpkeepOptions;
  readonly #unusable = new Set<string>();
  /** An upload that failed may be there all the same: until that is known, the next one must be of the same name. */
  #unclear: { readonly merge: Merge; readonly file: FileToUpload } | undefined;

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  next(held: HeldFiles, now: Milliseconds): NextStep<Merge> {
    if (this.#unclear !== undefined) return { kind: 'due', step: this.#unclear.merge };
    return nextMerge(held, this.#options.settings.mergeIntervals, now, this.#unusable);
  }

  /** @throws StationError FENCED, STAGING_FAILED, STORAGE_*; the signal's reason on abort */
  async carryOut(merge: Merge, held: HeldFiles, signal: AbortSignal): Promise<Compacted> {
    const { store, merged, events, permit } = this.#options;
    await permit?.admit(signal);
    const file = this.#unclear?.file ?? (await this.#make(merge, held, signal));
    if (file === undefined) return { kind: 'damaged' };
    this.#unclear = { merge, file };
    // Merging takes its time, and so does its turn.
    await permit?.admit(signal);
    await merged.using(file, () => uploadLtxFile(store, file, signal));
    this.#unclear = undefined;
    events.merged(file, merge.inputs.length);
    return { kind: 'put', file };
  }

  async #make(merge: Merge, held: HeldFiles, signal: AbortSignal): Promise<FileToUpload | undefined> {
    const { store, merged, turn, events } = this.#options;
    const [first, last] = [merge.inputs[0], merge.inputs.at(-1) ?? merge.inputs[0]];
    const made = () => merged.find({ level: merge.level, minTxid: first.minTxid, maxTxid: last.maxTxid });
    const outcome = await turn.run(async () => {
      signal.throwIfAborted();
      const file = made();
      if (file !== undefined) return { kind: 'merged' as const, file, times: new Map<HeldFile, Milliseconds>() };
      const localCopy = (input: HeldFile) => this.#localCopy(input);
      return await mergeFiles({ merge, store, localCopy, folder: merged.folderOf(merge.level), signal });
    });
    if (outcome.kind === 'damaged') {
      this.#unusable.add(idOf(outcome.file));
      events.damaged(outcome.error);
      return undefined;
    }
    for (const [file, time] of outcome.times) held.settleTime(file, time);
    merged.add(outcome.file);
    return outcome.file;
  }

  #localCopy(file: HeldFile): string | undefined {
    const { stagedCopy, merged } = this.#options;
    if (file.level === 0) return stagedCopy(file);
    const copy = merged.find(file);
    return copy?.size === file.size ? copy.path : undefined;
  }
}
