import { isStationError, toStationError } from '../../errors.ts';
import { type Milliseconds, milliseconds, type Txid } from '../../quantities.ts';
import { backoffDelay, steadyBackoff } from '../../storage/backoff.ts';
import { type HeldFile, type HeldFiles, idOf } from '../levels/held-files.ts';
import { type Merge, nextMerge } from '../levels/merge-plan.ts';
import type { NextStep } from '../levels/next-step.ts';
import { type FileToUpload, uploadLtxFile } from '../replica/upload.ts';
import { type MergeOutcome, mergeFiles } from './merge-files.ts';
import type { UpkeepOptions } from './upkeep-options.ts';

export type Compacted =
  | { readonly kind: 'put'; readonly file: FileToUpload }
  /** A file, which ends at this TXID, cannot be read; the next merge goes around it. */
  | { readonly kind: 'damaged'; readonly end: Txid }
  /** It was told of, and is tried again later: snapshots and retention need not wait for it. */
  | { readonly kind: 'put-off' };

/** Merges the files of one replica into the next level, one merge at a time. */
export class Compaction {
  readonly #options: UpkeepOptions;
  readonly #unusable = new Set<string>();
  /** An upload that failed may be there all the same: until that is known, the next one must be of the same name. */
  #unclear: { readonly merge: Merge; readonly file: FileToUpload } | undefined;
  #failures = 0;
  #notBefore = Number.NEGATIVE_INFINITY;

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  next(held: HeldFiles, now: Milliseconds): NextStep<Merge> {
    const { settings, monotonicClock } = this.#options;
    const next: NextStep<Merge> =
      this.#unclear === undefined
        ? nextMerge(held, settings.mergeIntervals, now, this.#unusable)
        : { kind: 'due', step: this.#unclear.merge };
    const pause = this.#notBefore - monotonicClock();
    return next.kind === 'due' && pause > 0 ? { kind: 'later', at: milliseconds(now + pause) } : next;
  }

  /** @throws StationError FENCED, LEASE_*, STORAGE_UNREACHABLE, _THROTTLED, _NOT_FOUND; the signal's reason on abort */
  async carryOut(merge: Merge, held: HeldFiles, signal: AbortSignal): Promise<Compacted> {
    try {
      const outcome = await this.#carryOut(merge, held, signal);
      this.#failures = 0;
      return outcome;
    } catch (error) {
      signal.throwIfAborted();
      // A full disk, files that may not be read: matters of merging alone.
      if (!isStationError(error, 'STAGING_FAILED', 'STORAGE_DENIED', 'STORAGE_BROKEN')) throw error;
      const { events, random, monotonicClock } = this.#options;
      this.#failures += 1;
      const delay = backoffDelay(this.#failures, steadyBackoff, random());
      this.#notBefore = monotonicClock() + delay;
      events.failed(toStationError(error), delay);
      return { kind: 'put-off' };
    }
  }

  async #carryOut(merge: Merge, held: HeldFiles, signal: AbortSignal): Promise<Compacted> {
    const { events, permit } = this.#options;
    await permit?.admit(signal);
    const file = this.#unclear?.file ?? (await this.#make(merge, held, signal));
    if ('kind' in file) return file;
    this.#unclear = { merge, file };
    // Merging takes its time, and so does its turn.
    await permit?.admit(signal);
    await this.#send(file, signal);
    this.#settle(file);
    events.merged(file, merge.inputs.length);
    return { kind: 'put', file };
  }

  async #send(file: FileToUpload, signal: AbortSignal): Promise<void> {
    try {
      await uploadLtxFile(this.#options.store, file, signal);
    } catch (error) {
      // It is gone from this disk, so it has to be made once more.
      if (isStationError(error, 'STAGING_FAILED')) {
        this.#settle(file);
        this.#options.merged.forget(file);
      }
      throw error;
    }
  }

  #settle(file: FileToUpload): void {
    this.#unclear = undefined;
    this.#options.merged.letGo(file);
  }

  async #make(
    merge: Merge,
    held: HeldFiles,
    signal: AbortSignal,
  ): Promise<FileToUpload | Extract<Compacted, { kind: 'damaged' }>> {
    const { merged, turn, events } = this.#options;
    const outcome = await turn.run(async () => {
      signal.throwIfAborted();
      const outcome = this.#madeBefore(merge) ?? (await this.#mergeAnew(merge, signal));
      if (outcome.kind === 'merged') {
        merged.add(outcome.file, merge);
        merged.hold(outcome.file);
      }
      return outcome;
    });
    if (outcome.kind === 'damaged') {
      this.#unusable.add(idOf(outcome.file));
      events.damaged(outcome.error);
      return { kind: 'damaged', end: outcome.file.maxTxid };
    }
    for (const [file, time] of outcome.times) held.settleTime(file, time);
    return outcome.file;
  }

  #madeBefore(merge: Merge): MergeOutcome | undefined {
    const file = this.#options.merged.madeBy(merge);
    return file && { kind: 'merged', file, times: new Map() };
  }

  async #mergeAnew(merge: Merge, signal: AbortSignal): Promise<MergeOutcome> {
    const { store, merged } = this.#options;
    const localCopy = (input: HeldFile) => this.#localCopy(input);
    return await mergeFiles({ merge, store, localCopy, path: merged.pathFor(merge), signal });
  }

  #localCopy(file: HeldFile): string | undefined {
    if (file.fileChecksum === undefined) return undefined;
    const { stagedCopy, merged } = this.#options;
    return file.level === 0 ? stagedCopy(file) : merged.copyOf(file)?.path;
  }
}
