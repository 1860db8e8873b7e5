/** Every way a child can end, while the store is up, slow and down: the exit status, and where the rows are. */
import { chmodSync, cpSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFaultProxy } from '../servers/fault-proxy.ts';
import { type Life, Site } from './life.ts';
import { s3Replica, startStore } from './s3-site.ts';

interface Way {
  readonly name: string;
  /** The steps of the scripted child, or a command. */
  readonly steps?: readonly string[];
  readonly command?: (site: Site) => readonly string[];
  /** SIGTERM to the supervisor, once the child waits. */
  readonly stop?: RegExp;
  readonly status: number;
}

const crash = (signal: string) => ['add=2', `kill=${signal}`];

const ways: readonly Way[] = [
  { name: 'exit 0', steps: ['add=2'], status: 0 },
  { name: 'exit 1', steps: ['add=2', 'exit=1'], status: 1 },
  { name: 'exit 7', steps: ['add=2', 'exit=7'], status: 7 },
  { name: 'exit 143 of its own', steps: ['add=2', 'exit=143'], status: 143 },
  { name: 'SIGKILL', steps: crash('SIGKILL'), status: 137 },
  { name: 'SIGSEGV', steps: crash('SIGSEGV'), status: 139 },
  { name: 'SIGTERM, heeded', steps: ['add=2', 'until-term'], stop: /^waiting$/m, status: 0 },
  { name: 'SIGTERM, by its default', command: () => ['/bin/sleep', '600'], stop: /command started/, status: 143 },
  { name: 'SIGTERM, ignored until SIGKILL', steps: ['deaf', 'add=2', 'forever'], stop: /^waiting$/m, status: 137 },
  { name: 'not found', command: () => ['/there/is/no/such/command'], status: 127 },
  { name: 'not executable', command: notExecutable, status: 126 },
];

function notExecutable(site: Site): readonly string[] {
  const file = join(site.folder, 'not-executable');
  writeFileSync(file, '#!/bin/sh\n');
  chmodSync(file, 0o644);
  return [file];
}

describe.concurrent('child exits 143, 1, 7, hangs on TERM: the drain still runs, and the exit code is right', () => {
  it.each(ways)('$name: $status', async (way) => {
    await using store = await startStore();
    await using site = new Site([s3Replica(store, store.url)]);
    const life = await live(site, way, '6s');
    expect((await life.ended).code, life.log()).toBe(way.status);
    expect(life.log()).toMatch(toldOf(way, life));
    expect(life.log()).toContain('drain complete');
  });
});

describe.concurrent('the store is slow', () => {
  it.each(ways)('$name: $status, and every row is in the replica', async (way) => {
    await using store = await startStore();
    const network = await startFaultProxy(store.port);
    await using site = new Site([s3Replica(store, network.url)]);
    try {
      await network.set({ kind: 'delay', milliseconds: 60 });
      const life = await live(site, way, '6s');
      expect((await life.ended).code, life.log()).toBe(way.status);
      expect(life.log()).toMatch(toldOf(way, life));
      if (life.acknowledged().length === 0) return;
      await network.set({ kind: 'pass' });
      site.wipe();
      expect((await site.run(['list'])).seen()).toEqual(life.acknowledged());
    } finally {
      await network.stop();
    }
  });
});

describe.concurrent('the store is down', () => {
  const nobody = { accessKeyId: 'nobody', secretAccessKey: 'nobody' };
  const replicas = [s3Replica(nobody, 'http://127.0.0.1:9')];
  /** A database that was replicated before: without one, a store that is down is 69, and no child is started. */
  const before = new Site(replicas);

  beforeAll(async () => {
    await using store = await startStore();
    const first = await before.run(['add=1'], { replicas: [s3Replica(store, store.url)] });
    expect(first.code, first.log()).toBe(0);
  });
  afterAll(() => before[Symbol.asyncDispose]());

  it.each(ways)('$name: 75, and the rows are on the disk', async (way) => {
    await using site = new Site(replicas);
    cpSync(dirname(before.database), dirname(site.database), { recursive: true });
    const life = await live(site, way, '2s');
    // Having ended by itself it has a minute for its drain, unless the platform asks for the stop.
    if (way.stop === undefined) life.kill('SIGTERM');
    expect((await life.ended).code, life.log()).toBe(75);
    expect(life.log()).toMatch(toldOf(way, life));
    expect(life.log()).toMatch(
      /level=ERROR msg="drain: commits not replicated" .*replica=s3 .*txids=[0-9a-f]{16}-[0-9a-f]{16} /,
    );
  });
});

/** Up to the end of the child, or to the stop. */
async function live(site: Site, { steps, command, stop }: Way, stopTimeout: string): Promise<Life> {
  const flags = ['--stop-timeout', stopTimeout];
  const life = command ? site.startCommand(command(site), { flags }) : site.start(steps ?? [], { flags });
  await life.waitFor(stop ?? /command ended|level=ERROR.*code=COMMAND_/);
  if (stop !== undefined) life.kill('SIGTERM');
  return life;
}

/** The child's own end is in the log, whatever the exit status says. */
function toldOf({ status }: Way, { log }: Life): RegExp {
  if (status === 126 || status === 127) return /level=ERROR .*code=COMMAND_NOT_/;
  const isSignal = /command ended" signal=/.test(log());
  return isSignal ? /command ended" signal=SIG(KILL|SEGV|TERM) / : new RegExp(`command ended" code=${status}`);
}
