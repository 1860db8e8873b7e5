import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, type TestContext, test } from 'vitest';
import { type FaultProxy, startFaultProxy } from '../servers/fault-proxy.ts';
import type { Fault } from '../servers/s3-faults.ts';
import { type S3Server, startS3Server } from '../servers/s3-server.ts';
import { s3Options } from '../storage/s3/backend.ts';
import { gapsOf, readChain } from './support/chain.ts';
import { Container, type ContainerOptions, type Life } from './support/container.ts';
import { firstMissing } from './support/rows.ts';

interface Setting {
  readonly server: S3Server;
  readonly container: Container;
}

/** The tests wait more than they work, so they run side by side, and each cleans up through its own context. */
type Cleanup = Pick<TestContext, 'onTestFinished'>;

function replicaAt(url: string, server: S3Server, more = ''): string {
  return (
    `{ type: s3, bucket: bucket, path: root, endpoint: "${url}", region: us-east-1, force-path-style: true, ` +
    `access-key-id: ${server.accessKeyId}, secret-access-key: ${server.secretAccessKey}, sync-interval: 1s${more} }`
  );
}

async function startServer({ onTestFinished }: Cleanup): Promise<S3Server> {
  const server = await startS3Server({ buckets: ['bucket'] });
  onTestFinished(() => server.stop());
  return server;
}

function startContainer({ onTestFinished }: Cleanup, options: ContainerOptions): Container {
  const container = new Container(options);
  onTestFinished(() => container.remove());
  return container;
}

async function onS3(context: Cleanup): Promise<Setting> {
  const server = await startServer(context);
  return { server, container: startContainer(context, { replicas: [replicaAt(server.url, server)] }) };
}

const where = (server: S3Server) => s3Options(server, { region: 'us-east-1', forcePathStyle: true });

const filesIn = (server: S3Server) => server.objects('bucket').filter(({ key }) => key.endsWith('.ltx')).length;

async function firstUpload({ server, container }: Setting, life: Life): Promise<void> {
  await container.waitFor('the first file', () => filesIn(server) > 0, life);
}

/** Stops a life in good order: every acknowledged row must be in the replica, once, and the two the same byte for byte. */
async function expectComplete({ server, container }: Setting, life: Life): Promise<void> {
  life.supervisor.kill('SIGTERM');
  const { code } = await life.ended;
  expect(code, life.log()).toBe(0);
  const { rows, file } = await container.restored(where(server));
  expect(firstMissing(rows, container.acknowledged())).toBeUndefined();
  expect(readFileSync(file).equals(readFileSync(container.database))).toBe(true);
  const chain = await readChain(where(server));
  expect(gapsOf(chain)).toEqual([]);
  expect(new Set(chain.level0).size).toBe(chain.level0.length);
}

interface WriterResult {
  readonly n: number;
  readonly busy: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const writerResult = (container: Container) =>
  JSON.parse(readFileSync(`${container.acks}.result`, 'utf8')) as WriterResult;

const load = { pause: 10, burst: 4, payload: 500 };

describe.concurrent('under a steady load, the application is unharmed and everything arrives, where the store', () => {
  const puts = { operation: 'PutObject' };
  const faults: readonly (readonly [string, Fault])[] = [
    ['answers 500', { when: puts, do: { kind: 'answer', status: 500, code: 'InternalError' } }],
    ['answers 503 SlowDown', { when: puts, do: { kind: 'answer', status: 503, code: 'SlowDown' } }],
    ['answers 429', { when: puts, do: { kind: 'answer', status: 429, code: 'TooManyRequests' } }],
    ['answers 403', { when: puts, do: { kind: 'answer', status: 403, code: 'AccessDenied' } }],
    ['hangs', { when: puts, do: { kind: 'hang' } }],
    ['drops the connection at once', { when: puts, do: { kind: 'drop', at: 'start' } }],
    ['drops the connection half way', { when: puts, do: { kind: 'drop', at: 'half-request' } }],
    ['stores, but drops the answer', { when: puts, do: { kind: 'drop', at: 'response' } }],
  ];

  test.for(faults)('%s', async ([, fault], context) => {
    const setting = await onS3(context);
    const { server, container } = setting;
    const life = container.start(load);
    await firstUpload(setting, life);
    server.faults.add(fault);
    await sleep(2_500);
    server.faults.clear();
    await expectComplete(setting, life);
    const { busy, max } = writerResult(container);
    expect(busy).toBe(0);
    // The load's own checkpoints and a shared machine make for slow commits; a wait for a store would take seconds.
    expect(max).toBeLessThan(2_000);
    expect(life.log().match(/level=ERROR.*failed to sync/g)?.length ?? 0).toBeLessThanOrEqual(1);
  });

  test('fails a while and recovers by itself, without a stop', async (context) => {
    const setting = await onS3(context);
    const { server, container } = setting;
    const life = container.start(load);
    await firstUpload(setting, life);
    server.faults.add({ when: puts, do: { kind: 'drop', at: 'response' } });
    await sleep(1_500);
    server.faults.add({ do: { kind: 'answer', status: 500, code: 'InternalError' } });
    await sleep(1_500);
    server.faults.clear();
    const before = filesIn(server);
    await container.waitFor('more files', () => filesIn(server) > before + 2, life);
    await expectComplete(setting, life);
  });
});

describe.concurrent('a network that', () => {
  async function throughProxy(context: Cleanup): Promise<Setting & { readonly proxy: FaultProxy }> {
    const server = await startServer(context);
    const proxy = await startFaultProxy(server.port);
    context.onTestFinished(() => proxy.stop());
    return { server, proxy, container: startContainer(context, { replicas: [replicaAt(proxy.url, server)] }) };
  }

  test.for([
    ['swallows everything', { kind: 'blackhole' }],
    ['resets uploads in the middle', { kind: 'reset', after: 700, direction: 'up' }],
    ['resets answers in the middle', { kind: 'reset', after: 60, direction: 'down' }],
    ['is gone', { kind: 'refuse' }],
  ] as const)('%s for a while loses nothing', async ([, mode], context) => {
    const setting = await throughProxy(context);
    const life = setting.container.start(load);
    await firstUpload(setting, life);
    await setting.proxy.set(mode);
    await sleep(2_500);
    await setting.proxy.set({ kind: 'pass' });
    await expectComplete(setting, life);
    expect(writerResult(setting.container).busy).toBe(0);
  });

  test('is gone when the container stops makes it 75, and the next start brings what was missing', async (context) => {
    const setting = await throughProxy(context);
    const { container, proxy } = setting;
    const life = container.start(load);
    await firstUpload(setting, life);
    await proxy.set({ kind: 'refuse' });
    await sleep(500);
    life.supervisor.kill('SIGTERM');
    expect((await life.ended).code, life.log()).toBe(75);
    await proxy.set({ kind: 'pass' });
    const next = container.start({ ...load, life: 'b' });
    await container.waitFor(
      'a row of the second life',
      () => container.acknowledged().some((row) => row.life === 'b'),
      next,
    );
    await expectComplete(setting, next);
  });
});

test('a store that is down for longer than the staging cap allows costs bounded room, and gets a snapshot when it returns', async (context) => {
  const cap = 1 << 20;
  const server = await startServer(context);
  const container = startContainer(context, {
    replicas: [replicaAt(server.url, server)],
    databaseKeys: [`staging-max-bytes: ${cap}`],
  });
  const setting = { server, container };
  const life = container.start({ pause: 40, burst: 10, payload: 6_000, dense: true });
  await firstUpload(setting, life);
  server.faults.add({ do: { kind: 'drop', at: 'start' } });
  await container.waitFor('dropped files', () => life.log().includes('the staging folder is full'), life);
  const snapshots = container.stagedBytes('9');
  await sleep(6_000);
  // One sync may add to it before the cap is applied; the newest file always stays.
  const largest = 4 << 20;
  expect(container.stagedBytes('0')).toBeLessThan(cap + largest);
  expect(container.stagedBytes('9')).toBe(snapshots);
  server.faults.clear();
  await container.waitFor(
    'a snapshot',
    () => server.objects('bucket').some(({ key }) => key.startsWith('root/0009/')),
    life,
  );
  await expectComplete(setting, life);
});

describe.concurrent('a start without a database', () => {
  /** The command leaves a mark if it is ever started. */
  async function expectRefused(container: Container): Promise<void> {
    const mark = `${container.folder}/started`;
    const life = container.start({ command: ['touch', mark], flags: ['--restore-timeout', '2s'] });
    const { code } = await life.ended;
    expect(code, life.log()).toBe(69);
    expect(existsSync(mark)).toBe(false);
    expect(existsSync(container.database)).toBe(false);
  }

  test.for([
    ['nobody listens', (server: S3Server) => replicaAt('http://127.0.0.1:1', server)],
    ['the secret is wrong', (server: S3Server) => replicaAt(server.url, { ...server, secretAccessKey: 'wrong' })],
    [
      'the bucket does not exist',
      (server: S3Server) => replicaAt(server.url, server).replace('bucket: bucket', 'bucket: gone'),
    ],
  ] as const)('is refused where %s, with nothing made and nothing started', async ([, replica], context) => {
    const server = await startServer(context);
    await expectRefused(startContainer(context, { replicas: [replica(server)] }));
  });

  test('is refused where one replica is empty and the other does not answer', async (context) => {
    const server = await startServer(context);
    const replicas = ['{ type: file, path: FOLDER/replica }', replicaAt('http://127.0.0.1:1', server)];
    await expectRefused(startContainer(context, { replicas }));
  });

  test('gets through a store that fails at first', async (context) => {
    const setting = await onS3(context);
    const { server, container } = setting;
    const life = container.start(load);
    await firstUpload(setting, life);
    await expectComplete(setting, life);
    container.wipeDisk();
    server.faults.add({ times: 4, do: { kind: 'answer', status: 500, code: 'InternalError' } });
    server.faults.add({ times: 2, do: { kind: 'drop', at: 'half-response' } });
    const next = container.start({ ...load, life: 'b' });
    await container.waitFor(
      'a row of the second life',
      () => container.acknowledged().some((row) => row.life === 'b'),
      next,
    );
    await expectComplete(setting, next);
  });
});

test('of two replicas, one that comes and goes does not hold up the other, and is whole in the end', async (context) => {
  const server = await startServer(context);
  const container = startContainer(context, {
    replicas: ['{ type: file, path: FOLDER/replica, sync-interval: 1s }', replicaAt(server.url, server)],
  });
  const setting = { server, container };
  const life = container.start(load);
  await firstUpload(setting, life);
  const folder = { type: 'file', path: `${container.folder}/replica` } as const;
  for (let turn = 0; turn < 4; turn += 1) {
    server.faults.add({ do: { kind: 'drop', at: turn % 2 === 0 ? 'start' : 'response' } });
    const before = (await readChain(folder)).level0.length;
    await sleep(1_500);
    expect((await readChain(folder)).level0.length).toBeGreaterThan(before);
    server.faults.clear();
    await sleep(700);
  }
  await expectComplete(setting, life);
  const { rows } = await container.restored(folder);
  expect(firstMissing(rows, container.acknowledged())).toBeUndefined();
  expect(await readChain(folder)).toEqual(await readChain(where(server)));
  // At most one error line in 30 seconds, however often it failed.
  expect(life.log().match(/level=ERROR.*failed to sync/g)).toHaveLength(1);
});
