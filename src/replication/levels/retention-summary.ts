import { formatTxid } from '../../ltx/file-name.ts';
import type { LegacyObject, LegacyRetentionPlan } from '../../restore/legacy/legacy-retention.ts';
import type { HeldFile } from './held-files.ts';
import type { RetentionPlan, WhyGoes, WhyStays } from './retention-plan.ts';

/** Why, for people. */
const reasonTexts: Readonly<Record<WhyGoes | WhyStays, string>> = {
  'past-retention': 'older than the oldest moment that was promised',
  merged: 'merged into level 1',
  base: 'the oldest promised moment is restored from it',
  'within-retention': 'within retention',
  'newest-of-its-level': 'the newest of its level',
  'not-merged': 'not merged yet',
  'merged-lately': 'merged lately',
  'finer-than-the-merged': 'commits are rare here: the merged file alone would blur moments',
  'after-a-take-over': 'another instance was taken over from',
};

/** A plan in one line for each level and reason, what goes first. */
export function summarize(plan: RetentionPlan): readonly string[] {
  return [...linesOf('goes', plan.going), ...linesOf('stays', plan.staying)];
}

/** The same for backups of Litestream 0.3: a line for what goes and for what stays of each generation. */
export function summarizeLegacy({ verdicts }: LegacyRetentionPlan): readonly string[] {
  return verdicts.flatMap(({ generation, removed, kept, why }) => {
    const line = (what: 'goes' | 'stays', objects: readonly LegacyObject[]) => {
      const size = objects.reduce((sum, object) => sum + object.size, 0);
      const count = `${objects.length} ${objects.length === 1 ? 'object' : 'objects'}, ${size} bytes`;
      return objects.length === 0 ? [] : [`generation ${generation} ${what}: ${count}: ${why}`];
    };
    return [...line('goes', removed), ...line('stays', kept)];
  });
}

function linesOf(
  what: 'goes' | 'stays',
  entries: readonly { readonly file: HeldFile; readonly why: WhyGoes | WhyStays }[],
): readonly string[] {
  const groups = Map.groupBy(entries, ({ file, why }) => `${file.level} ${why}`);
  return [...groups.values()].map((group) => {
    const [first] = group;
    if (first === undefined) return '';
    const last = group.at(-1) ?? first;
    const range = `${group.length} ${group.length === 1 ? 'file' : 'files'}, TXIDs ${formatTxid(first.file.minTxid)} to ${formatTxid(last.file.maxTxid)}`;
    const size = group.reduce((sum, { file }) => sum + file.size, 0);
    return `level ${first.file.level} ${what}: ${range}, ${size} bytes: ${reasonTexts[first.why]}`;
  });
}
