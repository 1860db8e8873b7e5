/** In a PID namespace of its own, as in a container: as PID 1 itself, and as the child of tini. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type FakeReplication, type SupervisorUnderTest, startSupervisor } from './supervisor-process.ts';

const namespace = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
const inits = [
  ['as PID 1', namespace],
  ['under tini', [...namespace, 'tini', '--']],
] as const;

beforeAll(() => {
  for (const within of [namespace, ['tini', '--version']]) {
    const [program = '', ...words] = within.length === 2 ? within : [...within, 'true'];
    const { status, stderr, error } = spawnSync(program, words, { encoding: 'utf8' });
    expect(status, `${program} is needed here: ${error?.message ?? stderr}`).toBe(0);
  }
});

const shell = (script: string) => ['/bin/sh', '-c', script];

/** PID 1 of the namespace, as it is known outside: the platform's signals go there. */
function pid1(supervisor: SupervisorUnderTest): number {
  const { pid } = supervisor.process;
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
}

describe.each(inits)('%s', (_, within) => {
  const start = (script: string, fake: FakeReplication = {}) => startSupervisor(shell(script), fake, within);

  test('SIGTERM is taken, passed on once, and drained after', async () => {
    const script = 'trap "echo asked >> rows; sleep 0.3; exit 5" TERM; touch ready; while :; do sleep 0.05; done';
    await using supervisor = start(script);
    await supervisor.waitFor(() => existsSync(join(supervisor.folder, 'ready')));
    process.kill(pid1(supervisor), 'SIGTERM');
    process.kill(pid1(supervisor), 'SIGTERM');
    expect((await supervisor.ended).code, supervisor.log()).toBe(5);
    expect(supervisor.events()).toContain('drain asked');
    expect(supervisor.events()).toContain('drained');
  });

  test.each([
    ['with 7', 'exit 7', 7],
    ['by SIGKILL', 'kill -KILL $$', 137],
    ['by SIGTERM, of its own', 'kill -TERM $$', 143],
  ])('the command ends %s', async (_how, script, status) => {
    await using supervisor = start(script);
    expect((await supervisor.ended).code, supervisor.log()).toBe(status);
  });

  test('zombies that nobody reaps do not hold up the drain', async () => {
    // Two orphans that die while the command still runs, and one that dies with it.
    const script = '(sleep 0.05 &) ; (sleep 0.05 &) ; sleep 0.3; (sleep 0.02 &) ; exit 3';
    await using supervisor = start(script, { stopTimeout: 20_000 });
    expect((await supervisor.ended).code, supervisor.log()).toBe(3);
    expect(supervisor.log()).not.toContain('killed');
    expect(supervisor.events()).toContain('drained');
  });

  test('a grandchild in a session of its own, forked twice, is waited for: its last row is drained', async () => {
    const daemon = 'for i in 1 2 3 4 5 6; do echo $i >> rows; sleep 0.05; done';
    const script = `(setsid sh -c 'trap "" TERM; ${daemon}' &) ; while ! [ -s rows ]; do sleep 0.01; done; exit 4`;
    await using supervisor = start(script, { stopTimeout: 20_000 });
    expect((await supervisor.ended).code, supervisor.log()).toBe(4);
    expect(supervisor.events()).toContain('drain 1,2,3,4,5,6');
    expect(supervisor.log()).toMatch(/msg="process outlives the command, asked to end" pid=\d+ command=sh/);
  });

  test('a ready command is never taken for what the command left behind', async () => {
    const script = 'sleep 0.6; exit 0';
    await using supervisor = start(script, { readyCommand: 'sleep 30', stopTimeout: 20_000 });
    expect((await supervisor.ended).code, supervisor.log()).toBe(0);
    expect(supervisor.log()).not.toContain('outlives');
  });
});

test('as PID 1 it says once how to get an init, four ways', async () => {
  await using supervisor = startSupervisor(['true'], {}, namespace);
  await supervisor.ended;
  const lines = supervisor.log().match(/.*running as PID 1.*/g);
  expect(lines).toHaveLength(1);
  expect(lines?.[0]).toMatch(
    /docker=--init compose="init: true" ecs=initProcessEnabled kubernetes="shareProcessNamespace: true"/,
  );
});

test('under tini it says nothing of that', async () => {
  await using supervisor = startSupervisor(['true'], {}, [...namespace, 'tini', '--']);
  expect((await supervisor.ended).code).toBe(0);
  expect(supervisor.log()).not.toContain('PID 1');
});
