import { formatTxid } from '../ltx/file-name.ts';
import type { Milliseconds } from '../quantities.ts';
import type { ReplicaAnswer, ReplicaPosition } from './answer.ts';
import { formatIndex } from './legacy/legacy-key.ts';
import type { TxidRange } from './plan.ts';

/** RFC 3339, UTC, milliseconds. A time no calendar knows (a damaged header) is shown as the number it is. */
export function describeTime(time: Milliseconds): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? `${time} ms` : date.toISOString();
}

export function describePosition(position: ReplicaPosition): string {
  if (position.format === 'litestream-0.3') return `${describePoint(position)} of ${describeTime(position.timestamp)}`;
  return `TXID ${formatTxid(position.txid)} of ${describeTime(position.timestamp)}, ${position.commit} pages of ${position.pageSize} bytes`;
}

/** What of a replica's listing no restore can use. */
export function describeUnreachable({ from, to }: TxidRange): string {
  return `lists TXIDs ${formatTxid(from)} to ${formatTxid(to)}, which cannot be reached: a file between is missing or damaged`;
}

/** Where a position is in its history, in short. */
export function describePoint(position: ReplicaPosition): string {
  if (position.format !== 'litestream-0.3') return `TXID ${formatTxid(position.txid)}`;
  const at = position.offset === undefined ? '' : `, offset ${formatIndex(position.offset)}`;
  return `Litestream 0.3 generation ${position.generation}, WAL ${formatIndex(position.index)}${at}`;
}

/** What a replica said, in one line. @param newest the one it is held against, where there is one */
export function describeAnswer(answer: ReplicaAnswer, newest?: Extract<ReplicaAnswer, { kind: 'holds' }>): string {
  switch (answer.kind) {
    case 'holds':
      return `${answer.replica}: ${describePosition(answer.position)}${describeLag(answer.position, newest?.position)}${describeBeside(answer)}`;
    case 'empty':
      return `${answer.replica}: empty`;
    case 'unsound':
      return `${answer.replica}: nothing to restore: ${answer.error.message}`;
    case 'failed':
      return `${answer.replica}: ${answer.error.message}`;
    case 'no-answer':
      return `${answer.replica}: no answer within ${answer.waited / 1000} s`;
  }
}

/** The LTX chain that an older program's backup outdid. */
function describeBeside(answer: Extract<ReplicaAnswer, { kind: 'holds' }>): string {
  if (answer.beside?.kind !== 'holds') return '';
  return `, newer than the LTX files beside it, which end at ${describePosition(answer.beside.position)}`;
}

function describeLag(position: ReplicaPosition, newest: ReplicaPosition | undefined): string {
  const lag = newest === undefined ? 0 : newest.timestamp - position.timestamp;
  return lag > 0 ? `, ${lag / 1000} s behind` : '';
}
