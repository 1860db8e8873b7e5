// A follower in a process of its own, that a test may kill at any moment. Arguments: database path, folder for its state.
// After each change set it saves, as replication does, where to go on; it ends in order when its standard input ends.
import { existsSync, openSync, readFileSync, readSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pageChecksum } from '../../src/ltx/checksum.ts';
import { pageNumber } from '../../src/quantities.ts';
import type { ChangeSet } from '../../src/wal/change-set.ts';
import type { KnownState } from '../../src/wal/follower.ts';
import { openFollower } from '../../src/wal/open-follower.ts';
import type { WalPosition } from '../../src/wal/wal-position.ts';
import { Replica } from './support/replica.ts';
import { TransactionCount } from './support/transaction-count.ts';

interface SavedState {
  readonly position: WalPosition | undefined;
  readonly pageSize: number;
  readonly commit: number;
  readonly last: number;
}

const [path = '', folder = '', remember = 'position'] = process.argv.slice(2);
const statePath = join(folder, 'state.json');
const replicaPath = join(folder, 'replica');
const saved: SavedState | undefined = existsSync(statePath) ? JSON.parse(readFileSync(statePath, 'utf8')) : undefined;

function knownState(): KnownState {
  if (saved === undefined) return { kind: 'nothing' };
  const { pageSize, commit } = saved;
  const file = openSync(replicaPath, 'r');
  const read = async (first: number, count: number) => {
    const data = Buffer.alloc(pageSize);
    return BigUint64Array.from({ length: count }, (_, index) => {
      readSync(file, data, 0, pageSize, (first + index - 1) * pageSize);
      return pageChecksum(pageNumber(first + index), data);
    });
  };
  const position = remember === 'position' ? saved.position : undefined;
  return { kind: 'earlier', position, commit, checksums: { pageSize, commit, read } };
}

const count = new TransactionCount();
count.startFrom('w', saved?.last ?? 0);
const begun = performance.now();
const follower = await openFollower({
  path,
  spillFolder: join(folder, 'spill'),
  known: knownState(),
  events: {
    committed() {},
    replaced() {},
    notice() {},
    frame: (page, commit) => count.frame(page, commit),
  },
});
const opened = performance.now() - begun;
const replica = new Replica(replicaPath, saved === undefined ? 'new' : 'existing');
let largest = process.memoryUsage.rss();
const baseline = largest;
process.stdout.write(`${JSON.stringify({ opened, baseline })}\n`);

function save(state: SavedState): void {
  writeFileSync(`${statePath}.tmp`, JSON.stringify(state));
  renameSync(`${statePath}.tmp`, statePath);
}

async function handle(changeSet: ChangeSet): Promise<void> {
  await replica.apply(changeSet);
  const { why, position, pageSize, commit, transactions } = changeSet;
  save({ position, pageSize, commit, last: count.last('w') });
  const pages = replica.taken.at(-1)?.pages;
  process.stdout.write(
    `${JSON.stringify({ why, pages, commit, transactions, gaps: count.gaps, last: count.last('w') })}\n`,
  );
}

let ending = false;
process.stdin.resume().once('end', () => {
  ending = true;
});
const watching = setInterval(() => {
  largest = Math.max(largest, process.memoryUsage.rss());
}, 5);
while (!ending) {
  const { changeSet, position } = await follower.changes();
  if (changeSet !== undefined) await handle(changeSet);
  else if (position !== undefined && saved !== undefined) save({ ...saved, position, last: count.last('w') });
  await sleep(5);
}
for (const changeSet of await follower.finish()) await handle(changeSet);
clearInterval(watching);
process.stdout.write(
  `${JSON.stringify({ ended: true, baseline, largest, last: count.last('w'), gaps: count.gaps })}\n`,
);
