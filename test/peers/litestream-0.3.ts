/** Litestream 0.3.13, as npm carries it: the program whose backups people bring. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Peer, peerEnvironment, replicateBy, type StockReplication } from './litestream.ts';

const run = promisify(execFile);
const program = join(
  import.meta.dirname,
  '..',
  '..',
  'node_modules',
  '@flydotio',
  'litestream-linux-x64',
  'litestream',
);

/** It is an optional dependency, for 64-bit Linux alone. In CI its absence is an error. */
export function findLitestream03(): Peer {
  if (existsSync(program)) return { kind: 'there' };
  const reason = `there is no Litestream 0.3.13 for ${process.platform}-${process.arch} in node_modules`;
  if (process.env['CI']) throw new Error(reason);
  console.warn(reason);
  return { kind: 'missing', reason };
}

/** `litestream replicate -config FILE`. */
export function replicate03(configFile: string): StockReplication {
  return replicateBy(program, configFile);
}

/** `litestream restore [options] -config FILE -o OUTPUT DB_PATH`. Rejects with what it printed. */
export async function restore03(
  configFile: string,
  database: string,
  output: string,
  options: readonly string[] = [],
): Promise<void> {
  await run(program, ['restore', '-config', configFile, ...options, '-o', output, database], {
    env: peerEnvironment({}),
    timeout: 60_000,
  });
}
