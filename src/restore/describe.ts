import type { Milliseconds } from '../quantities.ts';
import type { ReplicaPosition } from './answer.ts';

/** RFC 3339, UTC, milliseconds. A time no calendar knows (a damaged header) is shown as the number it is. */
export function describeTime(time: Milliseconds): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? `${time} ms` : date.toISOString();
}

export function describePosition(position: ReplicaPosition): string {
  return `TXID ${position.txid} of ${describeTime(position.timestamp)}, ${position.commit} pages of ${position.pageSize} bytes`;
}
