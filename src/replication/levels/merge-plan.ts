import { type Milliseconds, milliseconds, type Txid } from '../../quantities.ts';
import { firstEndingAbove, type HeldFile, type Holdings, idOf, SNAPSHOT_LEVEL } from './held-files.ts';
import { boundaryAfter, type NextStep, soonest } from './next-step.ts';

/**
 * So many files make a merge worth its upload. With 12 and 6, all levels together add less than a tenth to the uploads
 * of level 0 (1/12 · (1 + 1/6 + 1/36 + …) = 1/10), however rare commits are; and what waits at each level is what a
 * restore reads besides: a few dozen files.
 */
export const LEAST_INPUTS = { ofLevel0: 12, ofLevels: 6 } as const;

/** All inputs are open at once. What waits beyond it follows in a merge of its own. */
export const MOST_INPUTS = 128;

/** Files of one level that are to become one file of the next. */
export interface Merge {
  /** The level the merged file will be at. */
  readonly level: number;
  /** By TXID, without a gap. */
  readonly inputs: readonly [HeldFile, ...HeldFile[]];
}

/**
 * What is to be merged next, as the files themselves tell: a restart neither repeats nor skips. A level's merge is due
 * at the first multiple of its interval (of the wall clock, as in Litestream) after enough files have gathered below it.
 * @param intervals of level 1, 2, …
 * @param unusable ids of files that cannot be merged: where one is missing, history is not continuous
 */
export function nextMerge(
  held: Holdings,
  intervals: readonly Milliseconds[],
  now: Milliseconds,
  unusable: ReadonlySet<string> = new Set(),
): NextStep<Merge> {
  let next: NextStep<Merge> = { kind: 'none' };
  for (const [index, interval] of intervals.entries()) {
    next = soonest(next, nextMergeInto(index + 1, interval, held, now, unusable));
    // From below: what this level gets is part of what the next one merges.
    if (next.kind === 'due') return next;
  }
  return next;
}

function nextMergeInto(
  level: number,
  interval: Milliseconds,
  held: Holdings,
  now: Milliseconds,
  unusable: ReadonlySet<string>,
): NextStep<Merge> {
  const sources = held.level(level - 1);
  const waiting = sources
    .slice(firstEndingAbove(sources, beginning(level, held)))
    .filter((file) => !unusable.has(idOf(file)));
  // The first snapshot comes first: see `beginning`.
  if (level === 1 && !hasBeginning(held)) return { kind: 'none' };
  const runs = continuousRuns(waiting);
  const open = runs.pop();
  // Histories part behind these: nothing will ever follow them. One file alone is not worth a copy.
  const closed = runs.find((run) => run.length > 1);
  if (closed !== undefined) return { kind: 'due', step: mergeOf(level, closed) };
  const least = level === 1 ? LEAST_INPUTS.ofLevel0 : LEAST_INPUTS.ofLevels;
  const enough = open?.[least - 1];
  if (open === undefined || enough === undefined) return { kind: 'none' };
  // A time still to come is that of a clock which was set back since: not to be waited for.
  const at = enough.time > now ? now : boundaryAfter(enough.time, interval);
  return at > now ? { kind: 'later', at } : { kind: 'due', step: mergeOf(level, open) };
}

/**
 * The TXID above which a level goes on. The first level begins above the first snapshot: below it every merge would
 * carry the whole database once more, through all levels.
 */
function beginning(level: number, held: Holdings): Txid {
  return level === 1 ? mergedUpTo(held) : held.end(level);
}

/** Level-0 files up to this TXID are no merge's business any more. */
export function mergedUpTo(held: Holdings): Txid {
  if (held.level(1).length > 0) return held.end(1);
  return held.level(SNAPSHOT_LEVEL)[0]?.maxTxid ?? (0 as Txid);
}

/** Whether merging has begun, or could: nothing below the first snapshot is ever merged. */
export function hasBeginning(held: Holdings): boolean {
  return held.level(1).length > 0 || held.level(SNAPSHOT_LEVEL).length > 0;
}

/** Files of one level cut where TXIDs are missing: there histories part, and a snapshot leads on. */
function continuousRuns(files: readonly HeldFile[]): HeldFile[][] {
  const runs: HeldFile[][] = [];
  for (const file of files) {
    const run = runs.at(-1);
    const before = run?.at(-1);
    if (run === undefined || before === undefined || file.minTxid > before.maxTxid + 1) runs.push([file]);
    else if (file.maxTxid > before.maxTxid) run.push(file);
  }
  return runs;
}

function mergeOf(level: number, run: readonly HeldFile[]): Merge {
  const [first, ...rest] = run.slice(0, MOST_INPUTS);
  return { level, inputs: [first as HeldFile, ...rest] };
}

/** A moment's worth of state that merges may make one of: what a restore to a past moment may be off by. */
export function grainOf(intervals: readonly Milliseconds[]): Milliseconds {
  return milliseconds(Math.max(300_000, intervals[0] ?? 0));
}
