import { formatTxid } from '../ltx/file-name.ts';
import { formatTimestamp } from '../ltx/timestamp.ts';
import type { ReplicaPosition } from '../restore/answer.ts';
import { describePoint, describeTime } from '../restore/describe.ts';
import { formatIndex } from '../restore/legacy/legacy-key.ts';
import { isSound, type ReplicaFindings } from '../verify/findings.ts';

export interface VerifiedReplica {
  readonly database: string | undefined;
  readonly findings: ReplicaFindings;
}

/** So many damaged objects are named to a person; JSON names them all. */
const MOST_LINES = 100;

export function verifyLines({ database, findings }: VerifiedReplica): readonly string[] {
  const { replica, url, objects, bytes, newest, damaged, errors, remarks, restored, comparison, elapsed } = findings;
  const what = { chain: 'names', read: 'every object read', restore: 'every object read, and restored' }[
    findings.effort
  ];
  const where = database === undefined ? replica : `${database} ${replica}`;
  const verdict = isSound(findings) ? 'sound' : 'NOT SOUND';
  return [
    `${where}: ${verdict} (${what}): ${objects} objects, ${bytes} bytes, ${(elapsed / 1000).toFixed(1)} s`,
    ...(newest === undefined ? [] : [`  newest: ${pointOf(newest)} of ${describeTime(newest.timestamp)}`]),
    ...(restored === undefined
      ? []
      : [`  restored: ${pointOf(restored.position)}, ${restored.size} bytes, integrity check ${restored.integrity}`]),
    ...(comparison === undefined ? [] : [`  ${comparisonLine(comparison)}`]),
    ...damaged.slice(0, MOST_LINES).map(({ key, what: why }) => `  damaged: ${url.replace(/\/$/, '')}/${key}: ${why}`),
    ...(damaged.length > MOST_LINES ? [`  damaged: ${damaged.length - MOST_LINES} more; -json names them all`] : []),
    ...errors.flatMap(({ message, hint }) => [`  error: ${message}`, `  hint: ${hint}`]),
    ...remarks.map((remark) => `  remark: ${remark}`),
    ...(damaged.length > 0
      ? [`  hint: states that need a damaged object are lost here; another replica may have them`]
      : []),
  ];
}

function comparisonLine(comparison: NonNullable<ReplicaFindings['comparison']>): string {
  switch (comparison.kind) {
    case 'equal':
      return `compared: equal to the live database at TXID ${formatTxid(comparison.txid)}, page by page`;
    case 'different':
      return `compared: DIFFERENT from the database at TXID ${formatTxid(comparison.txid)}: ${comparison.what}`;
    case 'not-compared':
      return `not compared with the live database: ${comparison.why}`;
  }
}

function pointOf(position: ReplicaPosition): string {
  return position.format === undefined ? `TXID ${formatTxid(position.txid)}` : describePoint(position);
}

export function verifyJson({ database, findings }: VerifiedReplica) {
  const { replica, url, effort, objects, bytes, newest, damaged, errors, remarks, restored, comparison } = findings;
  return {
    database: database ?? null,
    replica,
    url,
    sound: isSound(findings),
    effort,
    objects,
    bytes,
    newest: newest === undefined ? null : pointJson(newest),
    damaged,
    errors: errors.map(({ code, message, hint }) => ({ code, message, hint })),
    remarks,
    restored:
      restored === undefined
        ? null
        : { ...pointJson(restored.position), size: restored.size, integrity: restored.integrity },
    comparison: comparison === undefined ? null : comparisonJson(comparison),
    elapsed_ms: findings.elapsed,
  };
}

function comparisonJson(comparison: NonNullable<ReplicaFindings['comparison']>) {
  if (comparison.kind === 'not-compared') return { result: comparison.kind, why: comparison.why };
  const why = comparison.kind === 'different' ? comparison.what : null;
  return { result: comparison.kind, txid: formatTxid(comparison.txid), why };
}

function pointJson(position: ReplicaPosition) {
  const timestamp = formatTimestamp(position.timestamp);
  if (position.format === undefined) return { txid: formatTxid(position.txid), timestamp };
  return { generation: position.generation, index: formatIndex(position.index), timestamp };
}
