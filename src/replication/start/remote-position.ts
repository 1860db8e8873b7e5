import { milliseconds, txid } from '../../quantities.ts';
import type { ReplicaAnswer } from '../../restore/answer.ts';
import type { RemotePosition } from '../replica/reconcile.ts';

/** What a replica's answer means for continuing it; undefined where it did not answer. */
export function remotePositionOf(answer: ReplicaAnswer): RemotePosition | undefined {
  switch (answer.kind) {
    case 'holds': {
      // Replication continues LTX files; a Litestream 0.3 backup stays beside them.
      if (answer.beside !== undefined) return remotePositionOf(answer.beside);
      const { position } = answer;
      return {
        txid: position.txid,
        listedTxid: position.unreachable?.to ?? position.txid,
        timestamp: position.timestamp,
        fileChecksums: [position.fileChecksum.toString(16).padStart(16, '0')],
      };
    }
    case 'empty':
      return { txid: txid(0), listedTxid: txid(0), timestamp: milliseconds(0), fileChecksums: [] };
    case 'unsound':
      return { txid: txid(0), listedTxid: answer.newestListed, timestamp: milliseconds(0), fileChecksums: [] };
    case 'failed':
    case 'no-answer':
      return undefined;
  }
}
