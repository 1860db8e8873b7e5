/** Compare-and-swap in a folder: what processes that die or stop at any instant leave behind. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createStateFolder } from '../../../src/storage/file/conditional.ts';
import type { ConditionalObject, ObjectStore } from '../../../src/storage/object-store.ts';
import { openStore } from '../../../src/storage/open-store.ts';

const worker = fileURLToPath(new URL('./conditional-process.ts', import.meta.url));
let folder: string;
let root: string;
let states: string;
let store: ObjectStore;
let object: ConditionalObject;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-conditional-'));
  root = join(folder, 'replica');
  states = join(root, 'lock.json.states');
  store = await openStore({ type: 'file', path: root });
  object = store.conditional('lock.json');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const content = async (of = object) => String((await of.read())?.bytes ?? '');
const name = (number: number) => String(number).padStart(16, '0');

async function writeTimes(count: number): Promise<void> {
  for (let done = 0; done < count; done += 1) {
    const found = await object.read();
    await object.write(Buffer.from(`${String(found?.bytes ?? '')}${done}`), found?.version);
  }
}

describe('many processes, killed and stopped at random', () => {
  it('lose no increment that was acknowledged, and make none that was refused', { timeout: 60_000 }, async () => {
    const hands: Hand[] = [];
    const start = () => hands.push(startHand(`h${hands.length}`));
    for (let hand = 0; hand < 4; hand += 1) start();
    const end = performance.now() + 4_000;
    while (performance.now() < end) {
      const alive = hands.filter((hand) => !hand.ended());
      const hand = alive[Math.floor(Math.random() * alive.length)];
      await pause(Math.random() * 40);
      hand?.process.kill('SIGSTOP');
      // Long enough, at times, for the others to come round to the numbers that this one was about to take.
      await pause(Math.random() < 0.3 ? 300 : Math.random() * 60);
      const killed = Math.random() < 0.3;
      hand?.process.kill(killed ? 'SIGKILL' : 'SIGCONT');
      if (killed) start();
    }
    for (const hand of hands) hand.process.kill('SIGKILL');
    await Promise.all(hands.map((hand) => hand.exited));

    const outcomes = hands.map((hand) => hand.outcomes());
    const added = outcomes.flatMap((outcome) => outcome.added);
    const doubtful = outcomes.flatMap((outcome) => outcome.doubtful);
    const lost = outcomes.flatMap((outcome) => outcome.lost);
    const history = (await content()).split(' ');
    console.log(
      `${added.length} added, ${lost.length} refused, ${doubtful.length} in doubt, ${hands.length} processes`,
    );
    expect(added.length).toBeGreaterThan(20);
    expect(lost.length).toBeGreaterThan(0);
    expect(hands.map((hand) => hand.errors()).join('')).toBe('');
    expect(new Set(history).size).toBe(history.length);
    expect(added.filter((token) => !history.includes(token))).toEqual([]);
    expect(lost.filter((token) => history.includes(token))).toEqual([]);
    const known = new Set([...added, ...doubtful]);
    expect(history.filter((token) => !known.has(token))).toEqual([]);

    await object.write(Buffer.from('after all'), (await object.read())?.version);
    expect(await content()).toBe('after all');
    expect(await readFile(join(root, 'lock.json'), 'utf8')).toBe('after all');
    expect((await readdir(states)).filter((file) => !file.endsWith('.tmp')).length).toBeLessThanOrEqual(8);
  });
});

interface Hand {
  readonly process: ChildProcess;
  readonly exited: Promise<unknown>;
  ended(): boolean;
  errors(): string;
  outcomes(): { readonly added: string[]; readonly lost: string[]; readonly doubtful: string[] };
}

function startHand(hand: string): Hand {
  const child = spawn(process.execPath, [worker, root, hand], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const text = { out: '', err: '' };
  child.stdout.on('data', (chunk) => {
    text.out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    text.err += chunk;
  });
  const exited = once(child, 'close');
  return {
    process: child,
    exited,
    ended: () => child.exitCode !== null || child.signalCode !== null,
    errors: () => text.err,
    outcomes: () => {
      const lines = text.out.split('\n').map((line) => line.split(' '));
      const of = (word: string) => lines.flatMap(([said, token = '']) => (said === word ? [token] : []));
      const [added, lost] = [of('added'), of('lost')];
      const known = new Set([...added, ...lost]);
      return { added, lost, doubtful: of('try').filter((token) => !known.has(token)) };
    },
  };
}

describe('a process that is stopped right before its write takes effect', () => {
  /** A signal whose question lets others write meanwhile, when the new state is ready under its temporary name. */
  function whileOthersWrite(times: number, size: number): AbortSignal {
    let done = false;
    const throwIfAborted = () => {
      const ready = () =>
        readdirSync(states).some((file) => file.endsWith('.tmp') && statSync(join(states, file)).size === size);
      if (done || !ready()) return;
      done = true;
      const { status, stderr } = spawnSync(process.execPath, [worker, root, 'other', String(times)]);
      expect(status, String(stderr)).toBe(0);
    };
    return Object.assign(new AbortController().signal, { throwIfAborted });
  }
  const late = Buffer.from('late');

  it.each([1, 7])('has lost to %d others', async (times) => {
    await writeTimes(3);
    const { version } = (await object.read()) ?? {};
    const write = object.write(late, version, whileOthersWrite(times, late.length));
    await expect(write).rejects.toMatchObject({ code: 'STORAGE_ALREADY_EXISTS' });
    expect((await content()).split(' ').slice(1)).toEqual(
      Array.from({ length: times }, (_, index) => `other.${index}`),
    );
  });

  it.each([8, 9, 30])(
    'changes nothing after %d others, though its number is free again or still there',
    async (times) => {
      await writeTimes(3);
      const { version } = (await object.read()) ?? {};
      const write = object.write(late, version, whileOthersWrite(times, late.length));
      await expect(write).rejects.toMatchObject({
        code: expect.stringMatching(/^STORAGE_(ALREADY_EXISTS|UNREACHABLE)$/),
      });
      expect(await content()).toMatch(new RegExp(` other\\.${times - 1}$`));
      await writeTimes(1);
      for (const file of readdirSync(states)) expect(readFileSync(join(states, file), 'utf8')).not.toBe('late');
    },
  );
});

describe('what is left behind', () => {
  it('never stands in the way: half a temporary file, a state of long ago', async () => {
    await writeTimes(12);
    writeFileSync(join(states, `${name(13)}.77-abcd.tmp`), 'hal');
    writeFileSync(join(states, name(2)), 'stale');
    const before = await content();
    await writeTimes(1);
    expect(await content()).toBe(`${before}0`);
    expect(readdirSync(states).filter((file) => /^\d+$/.test(file))).toEqual([6, 7, 8, 9, 10, 11, 12, 13].map(name));
  });

  it('a copy for people that was not renewed is renewed by the next write', async () => {
    await writeTimes(2);
    await writeFile(join(root, 'lock.json'), 'of yesterday');
    expect(await content()).toBe('01');
    await writeTimes(1);
    expect(await readFile(join(root, 'lock.json'), 'utf8')).toBe('010');
  });

  it('a file that nobody made by compare-and-swap counts as the first state', async () => {
    await mkdir(root, { recursive: true });
    await writeFile(join(root, 'lock.json'), 'by hand');
    await expect(object.write(Buffer.from('x'), undefined)).rejects.toMatchObject({ code: 'STORAGE_ALREADY_EXISTS' });
    await object.write(Buffer.from('swapped'), (await object.read())?.version);
    expect(await content()).toBe('swapped');
  });

  it('is not listed, and goes with the object', async () => {
    await writeTimes(12);
    expect((await Array.fromAsync(store.list(''))).map(({ key }) => key)).toEqual(['lock.json']);
    await store.delete(['lock.json']);
    expect(readdirSync(root)).toEqual([]);
    expect(await object.read()).toBeUndefined();
  });

  it('a replica copied elsewhere goes on from the same state', async () => {
    await writeTimes(3);
    const version = (await object.read())?.version;
    cpSync(root, join(folder, 'copy'), { recursive: true });
    const copy = (await openStore({ type: 'file', path: join(folder, 'copy') })).conditional('lock.json');
    await copy.write(Buffer.from('there'), version);
    expect(await content(copy)).toBe('there');
  });
});

describe('without hard links', () => {
  const temporary = async (text: string) => {
    await mkdir(states, { recursive: true });
    const path = join(states, `${name(1)}.${text}.tmp`);
    await writeFile(path, text);
    return path;
  };

  it('a state is a folder, which takes the name of no other', async () => {
    await createStateFolder(await temporary('first'), join(states, name(1)));
    const second = createStateFolder(await temporary('second'), join(states, name(1)));
    await expect(second).rejects.toMatchObject({ code: expect.stringMatching(/^(ENOTEMPTY|EEXIST)$/) });
    expect(await content()).toBe('first');
    expect((await readdir(states)).filter((file) => !file.startsWith(`${name(1)}.second`))).toEqual([name(1)]);
    await writeTimes(10);
    expect(await readdir(states)).toHaveLength(8);
  });

  it('nor of one that is a file', async () => {
    await writeTimes(1);
    const folderState = createStateFolder(await temporary('second'), join(states, name(1)));
    await expect(folderState).rejects.toMatchObject({ code: 'ENOTDIR' });
    expect(await content()).toBe('0');
  });

  it('one of 20 racers wins', async () => {
    const files = await Promise.all(Array.from({ length: 20 }, (_, racer) => temporary(`racer${racer}`)));
    const races = await Promise.allSettled(files.map((file) => createStateFolder(file, join(states, name(1)))));
    const winners = races.flatMap(({ status }, racer) => (status === 'fulfilled' ? [`racer${racer}`] : []));
    expect(winners).toEqual([await content()]);
  });
});

it('a volume that is not mounted is no object that is not there', async () => {
  await symlink(join(folder, 'not-mounted'), join(folder, 'volume'));
  const elsewhere = await openStore({ type: 'file', path: join(folder, 'volume', 'replica') });
  await expect(elsewhere.conditional('lock.json').read()).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' });
});
