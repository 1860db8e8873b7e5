/** Another instance asks for the lease: everything is stopped for it, and then the platform's stop is awaited. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { startSupervisor } from './supervisor-process.ts';

const shell = (script: string) => ['/bin/sh', '-c', script];
const answering = (status: number) =>
  shell(`trap "echo asked >> rows; exit ${status}" TERM; while :; do sleep 0.05; done`);

describe('a hand-over', () => {
  test.each([
    ['0 where the command ended well', answering(0), 0],
    ['the command’s own status', answering(3), 3],
    ['143 where our SIGTERM ended it, as any other stop', ['sleep', '60'], 143],
  ])('stops, drains, closes, waits, and ends at SIGTERM with %s', async (_, command, status) => {
    await using supervisor = startSupervisor(command, { handoverAfter: 300 });
    await supervisor.waitFor(() => supervisor.life().some((line) => line.startsWith('handed-over')));
    expect(supervisor.events().slice(-2)).toEqual(['drained', 'close']);
    expect(supervisor.log()).toMatch(
      /level=WARN msg="another instance asks for the database: stopping to hand over" db=\/data\/station.db by=revision-2/,
    );
    await supervisor.waitFor(() =>
      supervisor.log().includes(`level=INFO msg="handed over, waiting to be stopped" to=revision-2`),
    );
    // It waits: an exit would have the platform start this instance again, beside the new one.
    expect(await Promise.race([supervisor.ended, sleep(700, 'waiting')])).toBe('waiting');
    supervisor.process.kill('SIGTERM');
    expect((await supervisor.ended).code, supervisor.log()).toBe(status);
    expect(supervisor.events().filter((event) => event === 'close')).toHaveLength(1);
  });

  test('is not ready from the moment it is asked for', async () => {
    await using supervisor = startSupervisor(answering(0), { handoverAfter: 300 });
    await supervisor.waitFor(() => supervisor.life().some((line) => line.startsWith('handed-over')));
    expect(supervisor.life()).toContain('stopping, not ready: handed over to revision-2, started');
    supervisor.process.kill('SIGTERM');
    await supervisor.ended;
  });

  test('reaches the command through the signal map', async () => {
    const script = 'trap "exit 6" INT; while :; do sleep 0.05; done';
    await using supervisor = startSupervisor(shell(script), { handoverAfter: 400, signalMap: 'TERM=INT' });
    await supervisor.waitFor(() => supervisor.life().some((line) => line.startsWith('handed-over')));
    supervisor.process.kill('SIGTERM');
    expect((await supervisor.ended).code, supervisor.log()).toBe(6);
  });

  test('is over at once where the stop signal comes before its end', async () => {
    await using supervisor = startSupervisor(answering(0), { handoverAfter: 300, drain: 600 });
    await supervisor.waitFor(() => supervisor.events().some((event) => event.startsWith('drain ')));
    supervisor.process.kill('SIGTERM');
    expect((await supervisor.ended).code, supervisor.log()).toBe(0);
    expect(supervisor.events().slice(-2)).toEqual(['drained', 'close']);
    expect(supervisor.life().some((line) => line.startsWith('handed-over'))).toBe(false);
  });

  test('during the restore starts nothing, and ends with 0', async () => {
    await using supervisor = startSupervisor(shell('touch rows'), { handoverAfter: 100, prepare: 'forever' });
    await supervisor.waitFor(() => supervisor.life().some((line) => line.startsWith('handed-over')));
    supervisor.process.kill('SIGTERM');
    expect((await supervisor.ended).code, supervisor.log()).toBe(0);
    expect(supervisor.events()).toEqual(['prepare', 'abort', 'close']);
    expect(supervisor.log()).not.toContain('command started');
  });

  test('that could not drain is 75 at the end', async () => {
    await using supervisor = startSupervisor(answering(0), { handoverAfter: 200, drain: 'incomplete' });
    await supervisor.waitFor(() => supervisor.life().some((line) => line.startsWith('handed-over')));
    supervisor.process.kill('SIGTERM');
    expect((await supervisor.ended).code, supervisor.log()).toBe(75);
  });
});
