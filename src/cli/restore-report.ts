import { formatFileName, formatTxid } from '../ltx/file-name.ts';
import { formatTimestamp } from '../ltx/timestamp.ts';
import type { ReplicaPosition } from '../restore/answer.ts';
import type { ReplicaReport } from '../restore/ask-replicas.ts';
import { type Choice, describeParted, type PartedSide } from '../restore/choose.ts';
import { describePoint, describeTime } from '../restore/describe.ts';
import type { ReplicaFile } from '../restore/inventory.ts';
import { formatIndex } from '../restore/legacy/legacy-key.ts';
import type { LegacyPlan } from '../restore/legacy/legacy-plan.ts';
import type { RestorePlan } from '../restore/plan.ts';
import { describeLeftOut } from '../restore/restore.ts';
import type { RestoredDatabase } from '../restore/restore-options.ts';
import { listedTime } from './text-table.ts';

type Restoring = Extract<Choice, { kind: 'restore' }>;

/** What a person reads after a restore. */
export function restoredLines(outcome: RestoredDatabase, output: string, aside: readonly string[]): readonly string[] {
  const size = outcome.pageSize * outcome.commit;
  const seconds = (outcome.elapsed / 1000).toFixed(2);
  return [
    `restored ${output} from ${outcome.replica}: ${pointOf(outcome.position)} of ${formatTimestamp(outcome.timestamp)}, ` +
      `${size} bytes from ${outcome.files} files in ${seconds} s, check ${outcome.integrity}`,
    ...outcome.fellBack.map((line) => `warning: ${line}`),
    ...aside.map((path) => `the file that was there is kept as ${path}`),
  ];
}

function pointOf(position: ReplicaPosition): string {
  return position.format === undefined ? `TXID ${formatTxid(position.txid)}` : describePoint(position);
}

function pointJson(position: ReplicaPosition) {
  if (position.format === undefined) return { txid: formatTxid(position.txid) };
  return { generation: position.generation, index: formatIndex(position.index) };
}

/** The first five are Litestream's; a state of Litestream 0.3 has no TXID. */
export function restoredJson(
  outcome: RestoredDatabase,
  output: string,
  integrityCheck: 'none' | 'quick' | 'full',
  aside: readonly string[],
) {
  return {
    db_path: output,
    replica: outcome.replica,
    ...pointJson(outcome.position),
    duration_ms: outcome.elapsed,
    integrity_check: integrityCheck,
    timestamp: formatTimestamp(outcome.timestamp),
    size: outcome.pageSize * outcome.commit,
    files: outcome.files,
    downloaded: outcome.bytesDownloaded,
    integrity: outcome.integrity,
    fell_back: outcome.fellBack,
    kept_aside: aside,
  };
}

/** What a restore would warn of, as far as is known without fetching. */
export function previewWarnings(choice: Restoring, reports: readonly ReplicaReport[]): readonly string[] {
  return [...reports.flatMap(describeLeftOut), ...choice.warnings, ...choice.parted.map(describeParted)];
}

/** A restore that was only asked about. */
export interface PlannedRestore {
  readonly choice: Restoring;
  readonly warnings: readonly string[];
  readonly plan: RestorePlan | LegacyPlan | undefined;
  /** As it was named. */
  readonly source: string;
  readonly output: string;
}

/** What `-dry-run` shows: what each replica holds, which was chosen and why, and what would be fetched. */
export function previewLines({ choice, warnings, plan, output }: PlannedRestore): readonly string[] {
  const files = plan?.files ?? [];
  return [
    ...choice.reasons,
    ...warnings.map((line) => `warning: ${line}`),
    `would restore ${output} as of ${pointOf(choice.position)} of ${describeTime(choice.position.timestamp)}`,
    `would fetch ${files.length} files, ${plan?.bytes ?? 0} bytes:`,
    ...files.map((file) => `  ${file.key}  ${file.size} bytes`),
  ];
}

/** The first six are Litestream's, and so are the first six of a file. */
export function previewJson({ choice, warnings, plan, source, output }: PlannedRestore) {
  const { replica, position, ranking, why, reasons, parted } = choice;
  const isLtx = plan !== undefined && plan.format === undefined;
  return {
    source,
    target_path: output,
    replica,
    min_txid: isLtx ? formatTxid(plan.files[0].minTxid) : null,
    max_txid: isLtx ? formatTxid(plan.txid) : null,
    files: isLtx ? plan.files.map(ltxFileJson) : (plan?.files ?? []).map(({ key, size }) => ({ key, size })),
    ...pointJson(position),
    timestamp: describeTime(position.timestamp),
    bytes: plan?.bytes ?? 0,
    ranking,
    why,
    reasons,
    parted: parted.map(({ newer, older }) => ({ newer: partedJson(newer), older: partedJson(older) })),
    warnings,
  };
}

function partedJson({ replica, txid, timestamp }: PartedSide) {
  return { replica, txid: formatTxid(txid), timestamp: describeTime(timestamp) };
}

function ltxFileJson({ key, level, minTxid, maxTxid, size, lastModified }: ReplicaFile) {
  return {
    level,
    name: formatFileName(minTxid, maxTxid),
    min_txid: formatTxid(minTxid),
    max_txid: formatTxid(maxTxid),
    size,
    timestamp: listedTime(lastModified),
    key,
  };
}
