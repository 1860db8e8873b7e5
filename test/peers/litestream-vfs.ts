/** The Litestream VFS from npm: stock code that reads, and writes, 0.5 replicas on any machine where npm works. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Peer, type PeerReplica, peerEnvironment } from './litestream.ts';

const run = promisify(execFile);
const library = join(
  import.meta.dirname,
  '..',
  '..',
  'node_modules',
  'litestream-vfs-linux-amd64',
  'litestream-vfs.so',
);

/** It is an optional dependency, for 64-bit Linux alone. In CI its absence is an error. */
export function findVfs(): Peer {
  if (existsSync(library)) return { kind: 'there' };
  const reason = `there is no Litestream VFS for ${process.platform}-${process.arch} in node_modules`;
  if (process.env['CI']) throw new Error(reason);
  console.warn(reason);
  return { kind: 'missing', reason };
}

/** Restores a replica by hydration: judged by stock code, file checksum by file checksum. */
export async function hydrate(replica: PeerReplica, output: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vfs-'));
  try {
    await runVfs(folder, replica, ['hydrate', output], {
      LITESTREAM_HYDRATION_ENABLED: 'true',
      LITESTREAM_HYDRATION_PATH: join(folder, 'hydrated.db'),
      LITESTREAM_LOG_FILE: join(folder, 'vfs.log'),
      LITESTREAM_LOG_LEVEL: 'DEBUG',
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Writes to a replica that exists already, as stock code does. */
export async function writeThroughVfs(replica: PeerReplica, statements: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vfs-'));
  try {
    await runVfs(folder, replica, ['write', ...statements], { LITESTREAM_WRITE_ENABLED: 'true' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runVfs(
  folder: string,
  replica: PeerReplica,
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const script = join(import.meta.dirname, 'vfs-process.ts');
  await run(process.execPath, [script, library, ...words], {
    cwd: folder,
    timeout: 60_000,
    env: peerEnvironment({ LITESTREAM_REPLICA_URL: replica.url, ...replica.environment, ...environment }),
  });
}
