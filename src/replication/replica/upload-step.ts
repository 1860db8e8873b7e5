import type { Txid } from '../../quantities.ts';
import { firstAbove, type StagedFile } from '../staging/staged-files.ts';
import type { Staging } from '../staging/staging.ts';
import { type RemotePosition, reconcile } from './reconcile.ts';
import { type ReplicaHealth, type ReplicaStatus, snapshotAbove } from './replica-status.ts';

/** What an uploader does next: one request at the most. */
export type UploadStep =
  /** What it holds is to be asked. */
  | { readonly kind: 'ask' }
  /** It holds all of ours up to `position`. */
  | { readonly kind: 'follow'; readonly position: Txid }
  | { readonly kind: 'turn'; readonly to: Extract<ReplicaStatus, { kind: 'unknown' | 'needs-snapshot' }> }
  | { readonly kind: 'send'; readonly file: StagedFile }
  /** The database is to be asked for a snapshot that ends above `above`. */
  | { readonly kind: 'want-snapshot'; readonly why: string; readonly above: Txid }
  /** `fence`: what it holds is another instance's, after this one. */
  | { readonly kind: 'stop'; readonly how: 'fence' | 'leave'; readonly why: string }
  /** It holds everything, or gets nothing more. */
  | { readonly kind: 'idle' };

/** Decides it from where replication to a replica stands, how its last requests went, and what is staged. */
export function nextUploadStep(
  status: ReplicaStatus,
  health: ReplicaHealth,
  staging: Pick<Staging, 'position' | 'level0' | 'snapshot'>,
): UploadStep {
  switch (status.kind) {
    case 'unknown':
      return { kind: 'ask' };
    case 'known':
      return continueFrom(status.remote, staging);
    case 'needs-snapshot': {
      const snapshot = snapshotAbove(staging, status.above);
      if (snapshot !== undefined) return { kind: 'send', file: snapshot };
      // Not before it answers: while it is down, snapshot after snapshot would be made and outdated.
      if (health.kind === 'failing') return { kind: 'turn', to: { kind: 'unknown' } };
      return { kind: 'want-snapshot', why: status.why, above: status.above };
    }
    case 'following':
      return status.position < staging.position.txid ? sendAfter(status.position, staging.level0) : { kind: 'idle' };
    case 'stopped':
      return { kind: 'idle' };
  }
}

function continueFrom(remote: RemotePosition, { position, level0 }: Pick<Staging, 'position' | 'level0'>): UploadStep {
  const staged = new Map(level0.map((file) => [file.maxTxid, file.fileChecksum] as const));
  const continuation = reconcile(position, remote, staged);
  switch (continuation.kind) {
    case 'append':
      return { kind: 'follow', position: continuation.after };
    case 'snapshot':
      return { kind: 'turn', to: { ...continuation, kind: 'needs-snapshot' } };
    case 'ahead':
      return { kind: 'stop', how: remote.isAnothers === true ? 'fence' : 'leave', why: continuation.why };
  }
}

function sendAfter(position: Txid, level0: readonly StagedFile[]): UploadStep {
  const next = level0[firstAbove(level0, position)];
  if (next?.minTxid === position + 1) return { kind: 'send', file: next };
  return { kind: 'turn', to: { kind: 'needs-snapshot', why: 'files it lacks are no longer staged', above: position } };
}
