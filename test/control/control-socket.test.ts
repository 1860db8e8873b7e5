/** The Unix socket by which a running process can be asked: who may, what is in the way, how long a path may be. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { askControl } from '../../src/control/control-client.ts';
import { createControlServer } from '../../src/control/control-server.ts';
import type { Controlled, DatabaseState } from '../../src/control/controlled.ts';
import { StationError } from '../../src/errors.ts';
import { bytes, milliseconds, txid } from '../../src/quantities.ts';

function folder(name = ''): string {
  const root = mkdtempSync(join(tmpdir(), 'control-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, name), { recursive: true });
  return join(root, name);
}

const state: DatabaseState = {
  database: '/data/station.db',
  txid: txid(7),
  timestamp: milliseconds(1_700_000_000_000),
  replicas: [
    {
      replica: 's3',
      status: 'following',
      txid: txid(5),
      missing: { files: 2, bytes: bytes(900), since: milliseconds(1_700_000_000_000) },
      lastSyncAt: milliseconds(1_700_000_000_500),
      failing: new StationError('STORAGE_DENIED', 'AccessDenied: key TOPSECRET'),
      lastError: undefined,
    },
  ],
};

const database: Controlled = {
  path: '/data/station.db',
  socket: '',
  state: () => state,
  sync: async (signal) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    const lacking = { replica: 's3', txid: txid(5), complete: false, reason: 'AccessDenied' };
    return { database: '/data/station.db', txid: txid(7), replicas: [lacking] };
  },
};

function serve() {
  const warnings: string[] = [];
  const warn = (message: string, fields: object = {}) => void warnings.push(`${message} ${JSON.stringify(fields)}`);
  const log = { debug: warn, info: warn, warn, error: warn, with: () => log };
  const about = { version: '1.2.3', pid: 42, startedAt: 1_700_000_000_000, now: () => 1_700_000_060_500 };
  const clean = (text: string) => text.replaceAll('TOPSECRET', '[redacted]');
  const server = createControlServer({ ...about, databases: () => [database] }, clean, log);
  onTestFinished(() => server.close());
  return { server, warnings };
}

const ask = (path: string, method: 'GET' | 'POST', target: string, body?: unknown) =>
  askControl(path, method, target, body, AbortSignal.timeout(20_000));

it('is for its own user alone, and gone after the close', async () => {
  const path = join(folder(), 'control');
  const { server } = serve();
  await server.open(path, 0o600);
  expect(statSync(path).isSocket()).toBe(true);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(path, '..'))).toEqual(['control']);
  await server.close();
  expect(existsSync(path)).toBe(false);
  expect(await ask(path, 'GET', '/info')).toBeUndefined();
});

it('takes the place of one that a killed process left', async () => {
  const path = join(folder(), 'control');
  const dead = createServer().listen(path);
  await new Promise((resolve) => dead.once('listening', resolve));
  // What `close` would unlink is moved away, as if there had been no close.
  const { renameSync } = await import('node:fs');
  renameSync(path, `${path}.kept`);
  await new Promise((resolve) => dead.close(resolve));
  renameSync(`${path}.kept`, path);
  const { server, warnings } = serve();
  await server.open(path, 0o600);
  expect(warnings).toEqual([]);
  expect((await ask(path, 'GET', '/info'))?.status).toBe(200);
});

it('takes nothing from another process, nor from a file', async () => {
  const path = join(folder(), 'control');
  const first = serve();
  await first.server.open(path, 0o600);
  const second = serve();
  await second.server.open(path, 0o600);
  expect(second.warnings.join()).toContain('another process listens');
  expect((await ask(path, 'GET', '/info'))?.status).toBe(200);
  const file = `${path}.txt`;
  writeFileSync(file, 'mine');
  await second.server.open(file, 0o600);
  expect(second.warnings.join()).toContain('is not a socket');
  expect(statSync(file).isFile()).toBe(true);
});

it.skipIf(process.platform !== 'linux')('may have a path that is longer than the kernel takes', async () => {
  const path = join(folder('a'.repeat(120)), 'control');
  expect(path.length).toBeGreaterThan(107);
  const { server, warnings } = serve();
  await server.open(path, 0o600);
  expect(warnings).toEqual([]);
  expect((await ask(path, 'GET', '/info'))?.body).toMatchObject({ pid: 42, uptime_seconds: 60 });
  await server.close();
  expect(readdirSync(join(path, '..'))).toEqual([]);
});

it("answers Litestream's requests, tells no secret, and says what it does not know", async () => {
  const path = join(folder(), 'control');
  const { server } = serve();
  await server.open(path, 0o600);
  const about = `path=${encodeURIComponent('/data/station.db')}`;
  expect(await ask(path, 'GET', `/txid?${about}`)).toEqual({ status: 200, body: { txid: 7 } });
  expect(await ask(path, 'GET', '/list')).toEqual({
    status: 200,
    body: {
      databases: [
        {
          path: '/data/station.db',
          status: 'replicating',
          txid: 7,
          replicated_txid: 5,
          last_sync_at: '2023-11-14T22:13:20.500Z',
        },
      ],
    },
  });
  const status = await ask(path, 'GET', `/status?${about}`);
  expect(JSON.stringify(status)).toContain('AccessDenied: key [redacted]');
  expect(await ask(path, 'GET', '/txid?path=/other')).toMatchObject({ status: 404 });
  expect(await ask(path, 'POST', '/stop', {})).toMatchObject({ status: 404 });
  expect(await ask(path, 'POST', '/sync', { wait: true })).toMatchObject({ status: 400 });
  expect(await ask(path, 'POST', '/sync', { path: 'x'.repeat(70_000) })).toMatchObject({ status: 413 });
});

it('ends a sync when its time is up, and says which replica lacks what', async () => {
  const path = join(folder(), 'control');
  const { server } = serve();
  await server.open(path, 0o600);
  const answer = await ask(path, 'POST', '/sync', { path: '/data/station.db', wait: true, timeout: 0.05 });
  expect(answer).toMatchObject({
    status: 503,
    body: { error: 's3: AccessDenied', details: { status: 'incomplete', txid: 7, replicated_txid: 5 } },
  });
});
