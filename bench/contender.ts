import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { binary, getLitestream } from '../test/peers/litestream.ts';

const checkout = join(import.meta.dirname, '..');

/** Where a run happens, and where its replica is. */
export interface Place {
  readonly folder: string;
  readonly database: string;
  /** Lines under `replicas:` of the config. */
  readonly replica: string;
  readonly syncInterval: string;
  /** What `restore` is given. */
  readonly replicaUrl: string;
  /** Intervals of the compaction levels; each program's own where not given. */
  readonly levels?: readonly string[];
}

/** Us, or stock Litestream, on the same config. */
export interface Contender {
  readonly name: 'ours' | 'litestream';
  /** Starts replication with `command` as its child. */
  run(place: Place, command: readonly string[]): ChildProcess;
  restore(place: Place, output: string): ChildProcess;
}

export const ours: Contender = {
  name: 'ours',
  run: (place, command) => {
    const args = ['run', '--config', configFor(place, 'ours'), '--log-level', 'warn', '--', ...command];
    return spawn(join(checkout, 'entrypoint'), args, { stdio: ['ignore', 'pipe', 'inherit'] });
  },
  restore: (place, output) => {
    const args = ['restore', '-log-level', 'warn', '-o', output, place.replicaUrl];
    return spawn(join(checkout, 'entrypoint'), args, { stdio: ['ignore', 'ignore', 'inherit'] });
  },
};

/** The same, without the check by SQLite that it makes of what it restored, and that Litestream makes only when asked. */
export const oursUnchecked: Contender = {
  ...ours,
  restore: (place, output) => {
    const args = ['restore', '-log-level', 'warn', '-integrity-check', 'none', '-o', output, place.replicaUrl];
    return spawn(join(checkout, 'entrypoint'), args, { stdio: ['ignore', 'ignore', 'inherit'] });
  },
};

export async function litestream(): Promise<Contender> {
  const peer = await getLitestream();
  if (peer.kind === 'missing') throw new Error(peer.reason);
  return {
    name: 'litestream',
    run: (place, command) => {
      const args = ['replicate', '-config', configFor(place, 'litestream'), '-exec', command.map(quoted).join(' ')];
      return spawn(binary, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    },
    restore: (place, output) =>
      spawn(binary, ['restore', '-o', output, place.replicaUrl], { stdio: ['ignore', 'ignore', 'ignore'] }),
  };
}

/** Stops it as a platform would and waits for its end. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

function configFor(place: Place, name: string): string {
  const path = join(place.folder, `${name}.yml`);
  const logging = name === 'litestream' ? 'logging:\n  level: warn\n' : '';
  const levels = place.levels === undefined ? '' : `levels: [${place.levels.map((one) => `{interval: ${one}}`)}]\n`;
  writeFileSync(
    path,
    `${logging}${levels}dbs:\n  - path: ${place.database}\n    replicas:\n      - ${place.replica.replaceAll('\n', '\n        ')}\n        sync-interval: ${place.syncInterval}\n`,
  );
  return path;
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
