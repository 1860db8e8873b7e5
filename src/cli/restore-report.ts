import { formatTxid } from '../ltx/file-name.ts';
import { formatTimestamp } from '../ltx/timestamp.ts';
import type { ReplicaPosition } from '../restore/answer.ts';
import type { ReplicaReport } from '../restore/ask-replicas.ts';
import { type Choice, describeParted } from '../restore/choose.ts';
import { describePoint } from '../restore/describe.ts';
import { formatIndex } from '../restore/legacy/legacy-key.ts';
import type { LegacyPlan } from '../restore/legacy/legacy-plan.ts';
import type { RestorePlan } from '../restore/plan.ts';
import { describeLeftOut } from '../restore/restore.ts';
import type { RestoredDatabase } from '../restore/restore-options.ts';

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

export function restoredJson(outcome: RestoredDatabase, output: string, aside: readonly string[]) {
  return {
    db: output,
    replica: outcome.replica,
    ...pointJson(outcome.position),
    timestamp: formatTimestamp(outcome.timestamp),
    size: outcome.pageSize * outcome.commit,
    files: outcome.files,
    downloaded: outcome.bytesDownloaded,
    elapsed_ms: outcome.elapsed,
    integrity: outcome.integrity,
    fell_back: outcome.fellBack,
    kept_aside: aside,
  };
}

/** What a restore would warn of, as far as is known without fetching. */
export function previewWarnings(choice: Restoring, reports: readonly ReplicaReport[]): readonly string[] {
  return [...reports.flatMap(describeLeftOut), ...choice.warnings, ...choice.parted.map(describeParted)];
}

/** What `-dry-run` shows: what each replica holds, which was chosen and why, and what would be fetched. */
export function previewLines(
  choice: Restoring,
  warnings: readonly string[],
  plan: RestorePlan | LegacyPlan | undefined,
): readonly string[] {
  const files = plan?.files ?? [];
  return [
    ...choice.reasons,
    ...warnings.map((line) => `warning: ${line}`),
    `would fetch ${files.length} files, ${plan?.bytes ?? 0} bytes:`,
    ...files.map((file) => `  ${file.key}  ${file.size} bytes`),
  ];
}
