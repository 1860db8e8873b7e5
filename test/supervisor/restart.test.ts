import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isFailure, parseRestartPolicy, restartDelay } from '../../src/supervisor/restart-policy.ts';
import { errorOf } from '../ltx/error-of.ts';
import { startSupervisor } from './supervisor-process.ts';

const shell = (script: string) => ['/bin/sh', '-c', script];
const starts = (log: string) => log.match(/msg="command started"/g)?.length ?? 0;

describe('the policy', () => {
  test.each([
    ['never', { kind: 'never' }],
    ['on-failure', { kind: 'on-failure', most: Number.POSITIVE_INFINITY }],
    ['on-failure:5', { kind: 'on-failure', most: 5 }],
  ])('%s', (text, policy) => expect(parseRestartPolicy(text)).toEqual(policy));

  test.each(['always', 'on-failure:', 'on-failure:0', 'on-failure:x', 'never:3', ''])('is not %j', (text) => {
    expect(errorOf(() => parseRestartPolicy(text)).code).toBe('USAGE');
  });

  test('waits a second, then twice as long each time, a minute at most', () => {
    expect([0, 1, 2, 3, 6, 7, 8, 1000].map(restartDelay)).toEqual([
      1000, 1000, 2000, 4000, 32_000, 60_000, 60_000, 60_000,
    ]);
  });

  test('takes success, and what never started, for no failure', () => {
    expect(isFailure({ kind: 'exited', code: 0 })).toBe(false);
    expect(isFailure({ kind: 'exited', code: 1 })).toBe(true);
    expect(isFailure({ kind: 'signalled', signal: 'SIGSEGV' })).toBe(true);
    expect(isFailure({ kind: 'stopped-before-start', signal: 'SIGTERM' })).toBe(false);
    expect(isFailure(undefined)).toBe(false);
  });
});

describe('a command that fails', () => {
  test('is started again, without a new restore, and drained once at the end', async () => {
    const script = 'echo $$ >> rows; [ $(wc -l < rows) -ge 2 ]';
    await using supervisor = startSupervisor(shell(script), { restart: 'on-failure' });
    expect((await supervisor.ended).code, supervisor.log()).toBe(0);
    expect(starts(supervisor.log())).toBe(2);
    expect(supervisor.log()).toMatch(/level=WARN msg="command failed, and is started again" in-seconds=1 restart=1/);
    const events = supervisor.events().map((event) => event.split(' ')[0]);
    expect(events).toEqual(['prepare', 'sync-soon', 'sync-soon', 'drain', 'drained', 'close']);
  });

  test('is started again so often and no more; its own status is ours', async () => {
    await using supervisor = startSupervisor(shell('exit 3'), { restart: 'on-failure:1' });
    expect((await supervisor.ended).code, supervisor.log()).toBe(3);
    expect(starts(supervisor.log())).toBe(2);
  });

  test('is started only when nothing is left of the one before', async () => {
    const lingering = 'trap "" TERM; (sleep 0.4; echo $$ lingered >> rows) &';
    const script = `echo $$ started >> rows; ${lingering} [ $(grep -c started rows) -ge 2 ]`;
    await using supervisor = startSupervisor(shell(script), { restart: 'on-failure', stopTimeout: 20_000 });
    expect((await supervisor.ended).code, supervisor.log()).toBe(0);
    const words = supervisor.read('rows').trim().split(/\s+/);
    expect(words.filter((word) => /[a-z]/.test(word))).toEqual(['started', 'lingered', 'started', 'lingered']);
  });

  test('ends with its own status when a stop signal comes in the pause', async () => {
    await using supervisor = startSupervisor(shell('exit 3'), { restart: 'on-failure' });
    await supervisor.waitFor(() => supervisor.log().includes('is started again'));
    supervisor.process.kill('SIGTERM');
    expect((await supervisor.ended).code, supervisor.log()).toBe(3);
    expect(starts(supervisor.log())).toBe(1);
    expect(supervisor.events().slice(-2)).toEqual(['drained', 'close']);
  });

  test('after it was asked to stop is not started again', async () => {
    const script = 'trap "exit 9" TERM; touch ready; while :; do sleep 0.05; done';
    await using supervisor = startSupervisor(shell(script), { restart: 'on-failure' });
    await supervisor.waitFor(() => existsSync(join(supervisor.folder, 'ready')));
    supervisor.process.kill('SIGTERM');
    expect((await supervisor.ended).code, supervisor.log()).toBe(9);
    expect(starts(supervisor.log())).toBe(1);
  });
});
