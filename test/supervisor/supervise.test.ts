import { existsSync, mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { otherSignals } from '../../src/supervisor/signals.ts';
import { startSupervisor } from './supervisor-process.ts';

const shell = (script: string) => ['/bin/sh', '-c', script];
const nodeScript = (script: string) => [process.execPath, '-e', script];

describe('the drain runs whatever way the child ends', () => {
  test.each([
    ['with 0', 'echo 1 > rows; exit 0', 0],
    ['with 1', 'echo 1 > rows; exit 1', 1],
    ['with 143 of its own', 'echo 1 > rows; exit 143', 143],
    ['by SIGKILL', 'echo 1 > rows; kill -KILL $$', 137],
    ['by SIGSEGV', 'echo 1 > rows; kill -SEGV $$', 139],
  ])('%s', async (_, script, status) => {
    await using supervisor = startSupervisor(shell(script));
    expect(await supervisor.ended).toEqual({ code: status, signal: null });
    expect(supervisor.events()).toEqual(['prepare', 'sync-soon', 'drain 1', 'drained', 'close']);
  });

  test('at once', async () => {
    await using supervisor = startSupervisor(['true']);
    expect(await supervisor.ended).toEqual({ code: 0, signal: null });
    expect(supervisor.events()).toContain('drained');
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGQUIT'] as const)('asked to by %s', async (signal) => {
    const script = `process.on('${signal}', () => { fs.appendFileSync('rows', 'last'); process.exit(0); });
      setInterval(() => {}, 1000); fs.writeFileSync('ready', '');`;
    await using supervisor = startSupervisor(nodeScript(script));
    await supervisor.waitFor(() => existsSync(join(supervisor.folder, 'ready')));
    supervisor.process.kill(signal);
    expect(await supervisor.ended).toEqual({ code: 0, signal: null });
    expect(supervisor.events()).toEqual(['prepare', 'sync-soon', 'sync-soon', 'drain last', 'drained', 'close']);
  });

  test('by the signal itself, which its status tells', async () => {
    await using supervisor = startSupervisor(['sleep', '60']);
    await supervisor.waitFor(() => supervisor.log().includes('command started'));
    supervisor.process.kill('SIGTERM');
    expect(await supervisor.ended).toEqual({ code: 143, signal: null });
    expect(supervisor.events()).toContain('drained');
  });

  test('killed, when it does not heed SIGTERM', async () => {
    await using supervisor = startSupervisor(shell('trap "" TERM; touch ready; while :; do sleep 0.1; done'), {
      stopTimeout: 1500,
    });
    await supervisor.waitFor(() => existsSync(join(supervisor.folder, 'ready')));
    supervisor.process.kill('SIGTERM');
    expect(await supervisor.ended).toEqual({ code: 137, signal: null });
    expect(supervisor.log()).toMatch(/msg="process does not end, killed" pid=\d+ command=sh/);
    expect(supervisor.events()).toContain('drained');
  });
});

describe('what the child leaves behind', () => {
  const orphan = (setup: string) =>
    shell(
      `(${setup} for i in 1 2 3 4 5 6; do sleep 0.05; echo $i >> rows; done) & while ! [ -s rows ]; do sleep 0.01; done; exit 4`,
    );

  test('may end in good order, and its last row is drained', async () => {
    await using supervisor = startSupervisor(orphan('trap "" TERM;'));
    expect(await supervisor.ended).toEqual({ code: 4, signal: null });
    expect(supervisor.events()).toContain('drain 1,2,3,4,5,6');
    expect(supervisor.log()).toMatch(/msg="process outlives the command, asked to end" pid=\d+ command=sh/);
  });

  test('is asked to end', async () => {
    await using supervisor = startSupervisor(orphan('trap "echo asked >> rows; exit" TERM;'));
    expect(await supervisor.ended).toEqual({ code: 4, signal: null });
    expect(supervisor.events().join()).toMatch(/drain 1.*,asked/);
  });

  test('is killed by name before the drain, when it does not end', async () => {
    const script = 'trap "" TERM; sh -c "while :; do echo row >> rows; sleep 0.02; done" & exit 0';
    await using supervisor = startSupervisor(shell(script), { stopTimeout: 1000 });
    expect(await supervisor.ended).toEqual({ code: 0, signal: null });
    expect(supervisor.log()).toMatch(/msg="process does not end, killed" pid=\d+ command=sh/);
    // Nobody writes any more: what the drain saw is what there is.
    const drained = supervisor.events().find((event) => event.startsWith('drain '));
    expect(drained).toBe(`drain ${supervisor.read('rows').trim().replaceAll('\n', ',')}`);
  });

  test('counts although it was forked twice, or has a process group of its own', async () => {
    const ownGroup = "bash -c 'set -m; (sleep 0.3; echo group >> rows) & exit'";
    const forkedTwice = '( (sleep 0.3; echo twice >> rows) & )';
    await using supervisor = startSupervisor(shell(`trap "" TERM; ${ownGroup}; ${forkedTwice}; exit 0`));
    expect(await supervisor.ended).toEqual({ code: 0, signal: null });
    const drained = supervisor.events().find((event) => event.startsWith('drain '));
    expect(drained).toContain('group');
    expect(drained).toContain('twice');
  });

  test('gets no second SIGTERM: an application behind a shell is still shutting down in good order', async () => {
    const application = `let count = 0;
      process.on('SIGTERM', () => {
        count += 1;
        fs.appendFileSync('rows', 'asked' + count + '\\n');
        setTimeout(() => { fs.appendFileSync('rows', 'last\\n'); process.exit(0); }, 300);
      });
      fs.writeFileSync('ready', ''); setInterval(() => {}, 1000);`;
    await using supervisor = startSupervisor([...shell('"$0" -e "$1"; true'), process.execPath, application]);
    await supervisor.waitFor(() => existsSync(join(supervisor.folder, 'ready')));
    supervisor.process.kill('SIGTERM');
    await supervisor.ended;
    expect(supervisor.events()).toContain('drain asked1,last');
  });
});

describe('signals', () => {
  const recorder = (signals: readonly string[], exitOn: string) => `
    for (const s of ${JSON.stringify(signals)}) process.on(s, () => {
      fs.appendFileSync('signals', s + '\\n');
      if (s === '${exitOn}') setTimeout(() => process.exit(0), 300);
    });
    setInterval(() => {}, 1000); fs.writeFileSync('ready', '');`;

  test('a second SIGTERM is not passed on, and does not shorten the drain', async () => {
    await using supervisor = startSupervisor(nodeScript(recorder(['SIGTERM'], 'SIGTERM')), { drain: 300 });
    await supervisor.waitFor(() => existsSync(join(supervisor.folder, 'ready')));
    supervisor.process.kill('SIGTERM');
    await supervisor.waitFor(() => supervisor.read('signals') !== '');
    supervisor.process.kill('SIGTERM');
    await supervisor.waitFor(() => supervisor.events().some((event) => event.startsWith('drain')));
    supervisor.process.kill('SIGTERM');
    supervisor.process.kill('SIGINT');
    expect(await supervisor.ended).toEqual({ code: 0, signal: null });
    expect(supervisor.read('signals')).toBe('SIGTERM\n');
    expect(supervisor.events()).toContain('drained');
  });

  test('the others are passed on each time', async () => {
    const signals = otherSignals;
    // A shell: in a Node child SIGUSR1 would be Node's own.
    const traps = signals.map((signal) => `trap 'echo ${signal} >> signals' ${constants.signals[signal]}`).join('; ');
    await using supervisor = startSupervisor(shell(`${traps}; touch ready; while :; do sleep 0.02; done`), {
      stopTimeout: 2000,
    });
    await supervisor.waitFor(() => existsSync(join(supervisor.folder, 'ready')));
    for (const signal of [...signals, ...signals]) {
      const before = supervisor.read('signals').length;
      supervisor.process.kill(signal);
      await supervisor.waitFor(() => supervisor.read('signals').length > before);
    }
    expect(supervisor.read('signals').trim().split('\n')).toEqual([...signals, ...signals]);
    supervisor.process.kill('SIGTERM');
    await supervisor.ended;
    expect(supervisor.log()).not.toContain('Debugger listening');
  });

  test('one during the restore aborts it, and no child is started', async () => {
    await using supervisor = startSupervisor(shell('touch started'), { prepare: 'forever' });
    await supervisor.waitFor(() => supervisor.events().includes('prepare'));
    supervisor.process.kill('SIGTERM');
    expect(await supervisor.ended).toEqual({ code: 143, signal: null });
    expect(supervisor.events()).toEqual(['prepare', 'abort', 'close']);
    expect(existsSync(join(supervisor.folder, 'started'))).toBe(false);
  });

  test('a restore that does not heed its abort is left behind within the budget', async () => {
    await using supervisor = startSupervisor(['true'], { prepare: 'deaf', stopTimeout: 500 });
    await supervisor.waitFor(() => supervisor.events().includes('prepare'));
    supervisor.process.kill('SIGINT');
    expect(await supervisor.ended).toEqual({ code: 130, signal: null });
  });
});

describe('the exit status', () => {
  test('127 when the command is not found; what was opened is drained and closed', async () => {
    await using supervisor = startSupervisor(['no-such-command']);
    expect(await supervisor.ended).toEqual({ code: 127, signal: null });
    expect(supervisor.events()).toEqual(['prepare', 'drain', 'drained', 'close']);
    expect(supervisor.log()).toContain('no-such-command: command not found');
  });

  test('126 when it cannot be executed', async () => {
    await using supervisor = startSupervisor(['./folder']);
    mkdirSync(join(supervisor.folder, 'folder'));
    expect((await supervisor.ended).code).toBe(126);
  });

  test('69 when the restore failed; the child is not started and nothing is drained', async () => {
    await using supervisor = startSupervisor(shell('touch started'), { prepareError: 'RESTORE_UNREACHABLE' });
    expect(await supervisor.ended).toEqual({ code: 69, signal: null });
    expect(supervisor.events()).toEqual(['prepare', 'close']);
    expect(existsSync(join(supervisor.folder, 'started'))).toBe(false);
    expect(supervisor.log()).toContain('level=ERROR msg="the restore failed" code=RESTORE_UNREACHABLE');
  });

  test('75 when no replica holds everything, with what is missing and the child’s own end in the log', async () => {
    await using supervisor = startSupervisor(shell('exit 3'), { drain: 'incomplete' });
    expect(await supervisor.ended).toEqual({ code: 75, signal: null });
    expect(supervisor.log()).toContain('msg="command ended" code=3');
    expect(supervisor.log()).toMatch(
      /level=ERROR msg="drain: commits not replicated" db=\/data\/station.db replica=s3 files=3 txids=000000000000001e-0000000000000020 bytes=4096 behind-seconds=4[.\d]* error="connect ECONNREFUSED"/,
    );
  });

  test('75 when the drain throws', async () => {
    await using supervisor = startSupervisor(['true'], { drain: 'throw', stopTimeout: 1000 });
    expect(await supervisor.ended).toEqual({ code: 75, signal: null });
    expect(supervisor.events()).toContain('close');
  });

  test('75 when the drain hangs, a budget after the stop signal', async () => {
    await using supervisor = startSupervisor(['sleep', '60'], { drain: 'hang', stopTimeout: 1000 });
    await supervisor.waitFor(() => supervisor.log().includes('command started'));
    supervisor.process.kill('SIGTERM');
    expect(await supervisor.ended).toEqual({ code: 75, signal: null });
    expect(supervisor.events()).toContain('close');
  });

  test('the child’s own when it ended by itself and the drain took longer than the stop budget', async () => {
    await using supervisor = startSupervisor(shell('exit 3'), { drain: 2_500, stopTimeout: 1000 });
    expect(await supervisor.ended).toEqual({ code: 3, signal: null });
    expect(supervisor.events()).toContain('drained');
  });

  test('75 when the child ended by itself and a stop signal ends its drain', async () => {
    await using supervisor = startSupervisor(['true'], { drain: 'hang', stopTimeout: 1000 });
    await supervisor.waitFor(() => supervisor.log().includes('life: group-gone'));
    supervisor.process.kill('SIGTERM');
    expect(await supervisor.ended).toEqual({ code: 75, signal: null });
  });

  test('76 when another writer fences this one: the child is stopped, the rest is drained', async () => {
    await using supervisor = startSupervisor(['sleep', '60'], { failure: { code: 'FENCED', after: 100 } });
    expect(await supervisor.ended).toEqual({ code: 76, signal: null });
    expect(supervisor.log()).toContain('msg="command ended" signal=SIGTERM');
    expect(supervisor.events()).toContain('drained');
  });

  test('70 for a bug here, which stops the child in good order and drains all the same', async () => {
    await using supervisor = startSupervisor(['sleep', '60'], { uncaughtAfter: 100 });
    expect(await supervisor.ended).toEqual({ code: 70, signal: null });
    expect(supervisor.log()).toContain('msg="command ended" signal=SIGTERM');
    expect(supervisor.log()).toMatch(/msg="a bug" code=INTERNAL .*stack="TypeError: a bug\\n/);
    expect(supervisor.events()).toContain('drained');
  });

  test('the child’s own when only the close hangs', async () => {
    await using supervisor = startSupervisor(shell('exit 2'), { close: 'hang', stopTimeout: 400 });
    expect(await supervisor.ended).toEqual({ code: 2, signal: null });
  });

  test('70 when the close breaks', async () => {
    await using supervisor = startSupervisor(shell('exit 2'), { close: 'throw' });
    expect(await supervisor.ended).toEqual({ code: 70, signal: null });
  });
});

describe('without a child', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('replication ends with 0 at %s, drained', async (signal) => {
    await using supervisor = startSupervisor([]);
    await supervisor.waitFor(() => supervisor.log().includes('life: prepared'));
    supervisor.process.kill(signal);
    expect(await supervisor.ended).toEqual({ code: 0, signal: null });
    expect(supervisor.events()).toEqual(['prepare', 'drain', 'drained', 'close']);
  });
});

test('the budget is told at the start', async () => {
  await using supervisor = startSupervisor(['true']);
  await supervisor.ended;
  expect(supervisor.log()).toContain('msg="budget 10s: application 5s, drain 4s, margin 1s" platform=docker');
});

test('the child gets the environment and the working directory as they are', async () => {
  process.env['STATION_TEST_VARIABLE'] = 'kept';
  await using supervisor = startSupervisor(shell('echo "$STATION_TEST_VARIABLE" > rows'));
  delete process.env['STATION_TEST_VARIABLE'];
  expect((await supervisor.ended).code).toBe(0);
  expect(supervisor.read('rows')).toBe('kept\n');
});
