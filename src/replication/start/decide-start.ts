import { milliseconds, txid } from '../../quantities.ts';
import { type RemotePosition, reconcile } from '../replica/reconcile.ts';
import type { ConflictPolicy } from '../replication-settings.ts';
import type { HistoryEnd, StagingContent } from '../staging/staging.ts';
import { noOldBackups, type OldBackups } from './old-backups.ts';

export type StartDecision =
  | { readonly kind: 'go-on' }
  /** Goes on above that TXID, later than that time: the newest is the latest, wherever a restore looks. */
  | { readonly kind: 'keep-local'; readonly above: HistoryEnd; readonly why: string }
  | { readonly kind: 'use-replica'; readonly why: string }
  | { readonly kind: 'stop'; readonly why: string };

/**
 * What to do with a database that is here, given what the replicas that answered hold. One that is ahead of it holds
 * commits this database never had: which copy is right is for a person to say. So does a Litestream 0.3 backup of later
 * than the last write to the file that is here.
 */
export function decideStart(
  content: Pick<StagingContent, 'position' | 'level0'>,
  remotes: ReadonlyMap<string, RemotePosition | undefined>,
  onConflict: ConflictPolicy,
  backups: OldBackups = noOldBackups,
): StartDecision {
  const staged = new Map(content.level0.map((file) => [file.maxTxid, file.fileChecksum] as const));
  const ahead: string[] = [...backups.ahead];
  let { txid: highest, timestamp: latest } = content.position;
  latest = milliseconds(Math.max(latest, backups.latest));
  for (const [name, remote] of remotes) {
    if (remote === undefined) continue;
    highest = txid(Math.max(highest, remote.listedTxid));
    latest = milliseconds(Math.max(latest, remote.timestamp));
    const continuation = reconcile(content.position, remote, staged);
    if (continuation.kind === 'ahead') ahead.push(`replica ${name} is ahead: ${continuation.why}`);
  }
  if (ahead.length === 0) return { kind: 'go-on' };
  const why = ahead.join('; ');
  if (onConflict !== 'keep-local') return { kind: onConflict, why };
  return { kind: 'keep-local', above: { txid: highest, timestamp: latest }, why };
}
