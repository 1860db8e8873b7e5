import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isAlive, parseProcessStat } from '../../src/supervisor/proc-stat.ts';
import { processGroup } from '../../src/supervisor/process-group.ts';

describe('a line of /proc/<pid>/stat', () => {
  test.each(['sh', 'a b', 'a) S 1 2 3 (b', '((', '))', 'line\nend', ''])('with the name %j', (name) => {
    expect(parseProcessStat(`42 (${name}) S 7 8 9 0 -1 4194304`)).toEqual({
      pid: 42,
      name,
      state: 'S',
      parent: 7,
      group: 8,
      session: 9,
    });
  });

  test('with any name at all', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 15 }), (name) => {
        expect(parseProcessStat(`1 (${name}) R 0 1 1 0`)).toMatchObject({ name, state: 'R', session: 1 });
      }),
    );
  });

  test.each(['', '42', '42 (sh', '42 (sh)', 'x (sh) S 1 2 3', '42 (sh) S a b c'])('that is none: %j', (text) => {
    expect(parseProcessStat(text)).toBeUndefined();
  });

  test('tells zombies from the living', () => {
    const states = ['R', 'S', 'D', 'T', 't', 'I', 'Z', 'X'];
    const alive = states.filter((state) => isAlive({ pid: 1, name: '', state, parent: 0, group: 1, session: 1 }));
    expect(alive).toEqual(['R', 'S', 'D', 'T', 't', 'I']);
  });
});

describe('the group of a child', () => {
  /** A leader in a session of its own that starts what the script says and prints a line when all is there. */
  async function startLeader(script: string) {
    const leader = spawn('/bin/sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await once(leader.stdout, 'data');
    if (leader.pid === undefined) throw new Error('no leader');
    const group = processGroup(leader.pid);
    return {
      leader,
      group,
      words: String(line).trim().split(' '),
      [Symbol.dispose]: () => group.signal('SIGKILL'),
    };
  }

  test('is everybody in it, by name, until they are gone', async () => {
    using started = await startLeader('sleep 60 & sleep 60 & echo ready; wait');
    const names = () => started.group.members().map(({ name }) => name);
    // A process just forked bears the shell's name until it has executed its own program.
    while (names().filter((name) => name === 'sleep').length < 2) await sleep(5);
    expect(names().toSorted()).toEqual(['sh', 'sleep', 'sleep']);
    started.group.signal('SIGTERM');
    while (started.group.members().length > 0) await sleep(5);
  });

  test('does not count a zombie that nobody reaps', async () => {
    // The leader becomes a sleep, which never waits for the child it has inherited.
    using started = await startLeader('sleep 0 & echo $!; exec sleep 60');
    const zombie = Number(started.words[0]);
    while (started.group.members().some(({ pid }) => pid === zombie)) await sleep(5);
    while (started.group.members().some(({ name }) => name === 'sh')) await sleep(5);
    expect(started.group.members().map(({ name }) => name)).toEqual(['sleep']);
    expect(process.kill(-(started.leader.pid ?? 0), 0)).toBe(true);
  });

  test('reaches a job that a shell with job control gave a group of its own', async () => {
    using started = await startLeader("exec bash -c 'set -m; sleep 60 & echo $!; wait'");
    const job = Number(started.words[0]);
    expect(started.group.members().map(({ pid }) => pid)).toContain(job);
    expect(parseProcessStat(readFileSync(`/proc/${job}/stat`, 'utf8'))?.group).toBe(job);
    started.group.signal('SIGKILL');
    while (started.group.members().length > 0) await sleep(5);
  });

  test('is nobody when there is no such group', () => {
    expect(processGroup(2 ** 22 + 1).members()).toEqual([]);
    expect(() => processGroup(2 ** 22 + 1).signal('SIGTERM')).not.toThrow();
  });
});
