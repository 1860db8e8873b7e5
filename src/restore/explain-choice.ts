import type { ReplicaAnswer, ReplicaPosition } from './answer.ts';

type Holder = Extract<ReplicaAnswer, { kind: 'holds' }>;

/** Why the first of the ranking is restored from. @param asked how many replicas there are, with those that hold nothing */
export function explainChoice(ranking: readonly Holder[], asked: number): string {
  const [chosen, second] = ranking;
  if (chosen === undefined || second === undefined) {
    return asked > 1 ? 'the only one that holds the database' : 'the only replica';
  }
  const lead = chosen.position.timestamp - second.position.timestamp;
  if (lead > 0) return `captured latest: ${lead / 1000} s after ${second.replica}`;
  if (chosen.position.format !== second.position.format) {
    return `written at the same time as ${second.replica}, which holds a Litestream 0.3 backup`;
  }
  if (isFurther(chosen.position, second.position)) {
    return `captured at the same time as ${second.replica}, with the higher TXID`;
  }
  return `level with ${second.replica}, and the first of them in the config`;
}

function isFurther(one: ReplicaPosition, other: ReplicaPosition): boolean {
  return one.format === undefined && other.format === undefined && one.txid > other.txid;
}
