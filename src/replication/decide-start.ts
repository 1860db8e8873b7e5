import { type Txid, txid } from '../quantities.ts';
import { type RemotePosition, reconcile } from './reconcile.ts';
import type { ConflictPolicy } from './replication-settings.ts';
import type { StagingContent } from './staging.ts';

export type StartDecision =
  | { readonly kind: 'go-on' }
  | { readonly kind: 'keep-local'; readonly above: Txid; readonly why: string }
  | { readonly kind: 'use-replica'; readonly why: string }
  | { readonly kind: 'stop'; readonly why: string };

/**
 * What to do with a database that is here, given what the replicas that answered hold. One that is ahead of it holds
 * commits this database never had: which copy is right is for a person to say.
 */
export function decideStart(
  content: Pick<StagingContent, 'position' | 'level0'>,
  remotes: ReadonlyMap<string, RemotePosition | undefined>,
  onConflict: ConflictPolicy,
): StartDecision {
  const staged = new Map(content.level0.map((file) => [file.maxTxid, file.fileChecksum] as const));
  const ahead: string[] = [];
  let above = content.position.txid;
  for (const [name, remote] of remotes) {
    if (remote === undefined) continue;
    above = txid(Math.max(above, remote.listedTxid));
    const continuation = reconcile(content.position, remote, staged);
    if (continuation.kind === 'ahead') ahead.push(`replica ${name} is ahead: ${continuation.why}`);
  }
  if (ahead.length === 0) return { kind: 'go-on' };
  const why = ahead.join('; ');
  return onConflict === 'keep-local' ? { kind: 'keep-local', above, why } : { kind: onConflict, why };
}
