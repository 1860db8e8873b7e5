import type { ReplicaConfig } from '../config/config.ts';
import { formatDuration } from '../config/duration.ts';
import type { StationError } from '../errors.ts';
import type { HeldFile } from '../replication/levels/held-files.ts';
import type { RetentionPlan } from '../replication/levels/retention-plan.ts';
import { summarize, summarizeLegacy } from '../replication/levels/retention-summary.ts';
import type { GenerationVerdict, LegacyObject, LegacyRetentionPlan } from '../restore/legacy/legacy-retention.ts';

/** Of its LTX files, and of backups of Litestream 0.3 beside them. */
export interface ReplicaPlan {
  readonly ltx: RetentionPlan;
  readonly legacy: LegacyRetentionPlan;
}

/** What retention came to at one replica. */
export interface ReplicaRetention {
  readonly database: string;
  readonly replica: string;
  readonly url: string;
  readonly retention: ReplicaConfig['retention'];
  readonly outcome:
    | { readonly kind: 'off' }
    | { readonly kind: 'planned'; readonly plan: ReplicaPlan }
    | { readonly kind: 'deleted'; readonly plan: ReplicaPlan; readonly undeleted: readonly string[] }
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
      const { ltx, legacy } = outcome.plan;
      const going = [...ltx.going.map(({ file }) => file), ...legacy.verdicts.flatMap(({ removed }) => removed)];
      const files = `${going.length} files, ${going.reduce((sum, { size }) => sum + size, 0)} bytes`;
      const end = outcome.kind === 'planned' ? `would be deleted: ${files}` : `deleted: ${files}`;
      const kept =
        outcome.kind === 'deleted' ? outcome.undeleted.map((key) => `deleted twice, and still there: ${key}`) : [];
      return [head, ...[...summarize(ltx), ...summarizeLegacy(legacy), end, ...kept].map((line) => `  ${line}`)];
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
        going: outcome.plan.ltx.going.map(fileJson),
        staying: outcome.plan.ltx.staying.map(fileJson),
        generations: outcome.plan.legacy.verdicts.map(generationJson),
        undeleted: outcome.kind === 'deleted' ? outcome.undeleted : [],
      };
  }
}

function fileJson({ file, why }: { readonly file: HeldFile; readonly why: string }) {
  const { level, minTxid, maxTxid, size, time } = file;
  return { level, min_txid: minTxid, max_txid: maxTxid, size, timestamp: new Date(time).toISOString(), why };
}

function generationJson({ generation, removed, kept, why }: GenerationVerdict) {
  return { generation, going: removed.map(objectJson), staying: kept.map(objectJson), why };
}

function objectJson({ key, size, lastModified }: LegacyObject) {
  return { key, size, timestamp: new Date(lastModified).toISOString() };
}
