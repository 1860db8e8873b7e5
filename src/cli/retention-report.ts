import type { ReplicaConfig } from '../config/config.ts';
import { formatDuration } from '../config/duration.ts';
import type { StationError } from '../errors.ts';
import type { HeldFile } from '../replication/levels/held-files.ts';
import type { RetentionPlan } from '../replication/levels/retention-plan.ts';
import { summarize } from '../replication/levels/retention-summary.ts';

/** What retention came to at one replica. */
export interface ReplicaRetention {
  readonly database: string;
  readonly replica: string;
  readonly url: string;
  readonly retention: ReplicaConfig['retention'];
  readonly outcome:
    | { readonly kind: 'off' }
    | { readonly kind: 'planned'; readonly plan: RetentionPlan }
    | { readonly kind: 'deleted'; readonly plan: RetentionPlan; readonly undeleted: readonly string[] }
    | { readonly kind: 'failed'; readonly error: StationError };
}

/** What a person reads. */
export function retentionLines({ database, replica, url, retention, outcome }: ReplicaRetention): readonly string[] {
  const head = `${database} ${replica} (${url}): retention ${formatDuration(retention.duration)}`;
  switch (outcome.kind) {
    case 'off':
      return [`${database} ${replica} (${url}): retention is off, nothing is ever deleted`];
    case 'failed':
      return [head, `  failed: ${outcome.error.message}`, `  hint: ${outcome.error.hint}`];
    default: {
      const { plan } = outcome;
      const files = `${plan.going.length} files, ${sizeOf(plan.going)} bytes`;
      const end = outcome.kind === 'planned' ? `would be deleted: ${files}` : `deleted: ${files}`;
      const kept =
        outcome.kind === 'deleted' ? outcome.undeleted.map((key) => `deleted twice, and still there: ${key}`) : [];
      return [head, ...[...summarize(plan), end, ...kept].map((line) => `  ${line}`)];
    }
  }
}

/** For programs: every file that goes or stays, with the reason. */
export function retentionJson({ database, replica, url, retention, outcome }: ReplicaRetention) {
  const about = { db: database, replica, url, retention_ms: retention.duration, enabled: retention.enabled };
  switch (outcome.kind) {
    case 'off':
      return { ...about, outcome: 'off' };
    case 'failed': {
      const { code, message, hint } = outcome.error;
      return { ...about, outcome: 'failed', error: { code, message, hint } };
    }
    default:
      return {
        ...about,
        outcome: outcome.kind,
        going: outcome.plan.going.map(fileJson),
        staying: outcome.plan.staying.map(fileJson),
        undeleted: outcome.kind === 'deleted' ? outcome.undeleted : [],
      };
  }
}

function fileJson({ file, why }: { readonly file: HeldFile; readonly why: string }) {
  const { level, minTxid, maxTxid, size, time } = file;
  return { level, min_txid: minTxid, max_txid: maxTxid, size, timestamp: new Date(time).toISOString(), why };
}

function sizeOf(going: RetentionPlan['going']): number {
  return going.reduce((sum, { file }) => sum + file.size, 0);
}
