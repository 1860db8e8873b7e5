import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { isAlive, readProcess } from '../../src/supervisor/proc-stat.ts';
import { parseReadyUrl } from '../../src/supervisor/ready-check.ts';
import { errorOf } from '../ltx/error-of.ts';
import { startSupervisor } from './supervisor-process.ts';

const shell = (script: string) => ['/bin/sh', '-c', script];

async function startHttp(listener: RequestListener): Promise<{ readonly url: string } & AsyncDisposable> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/healthz`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

test.each(['8080', 'localhost:8080', 'tcp://127.0.0.1:80', '/healthz'])('%s is no URL to ask', (text) => {
  expect(errorOf(() => parseReadyUrl(text)).code).toBe('USAGE');
});

describe('the command is up', () => {
  test('as soon as it runs, where there is no way to ask it', async () => {
    await using supervisor = startSupervisor(['true']);
    await supervisor.ended;
    expect(supervisor.life()).toContain('running, ready, started');
    expect(supervisor.log()).not.toContain('command is ready');
  });

  test('when its URL answers with less than 400, and the log says how long it took', async () => {
    const statuses = [503, 404, 301];
    await using http = await startHttp((_, response) => void response.writeHead(statuses.shift() ?? 200).end());
    await using supervisor = startSupervisor(['sleep', '60'], { readyUrl: http.url, startupTimeout: 30_000 });
    await supervisor.waitFor(() => supervisor.life().includes('running, ready, started'));
    expect(supervisor.life()).toContain('running, not ready: the command is not ready, not started');
    await supervisor.waitFor(() => /level=INFO msg="command is ready" seconds=[\d.]+ /.test(supervisor.log()));
    expect(statuses).toEqual([]);
    supervisor.process.kill('SIGTERM');
    expect((await supervisor.ended).code).toBe(143);
    expect(supervisor.life()).toContain('stopping, not ready: SIGTERM received, started');
  });

  test('when the other command ends with 0', async () => {
    await using supervisor = startSupervisor(shell('sleep 0.5; touch up; sleep 60'), { readyCommand: 'test -e up' });
    await supervisor.waitFor(() => supervisor.life().includes('running, ready, started'));
    supervisor.process.kill('SIGTERM');
    expect((await supervisor.ended).code).toBe(143);
  });
});

describe('a command that is not up in time', () => {
  test('is stopped and drained: 124, whatever it ends with', async () => {
    const script = 'trap "echo asked >> rows; exit 0" TERM; while :; do sleep 0.05; done';
    await using supervisor = startSupervisor(shell(script), { readyCommand: 'exit 7', startupTimeout: 700 });
    expect((await supervisor.ended).code, supervisor.log()).toBe(124);
    expect(supervisor.events()).toEqual(['prepare', 'sync-soon', 'sync-soon', 'drain asked', 'drained', 'close']);
    expect(supervisor.log()).toMatch(
      /level=ERROR msg="the command was not ready within 0.7s: the command ends with 7" code=COMMAND_NOT_READY hint=/,
    );
  });

  test('though the URL takes the question and never answers', async () => {
    await using http = await startHttp(() => {});
    await using supervisor = startSupervisor(['sleep', '60'], { readyUrl: http.url, startupTimeout: 500 });
    expect((await supervisor.ended).code, supervisor.log()).toBe(124);
  });

  test('and cannot be drained is 75', async () => {
    const fake = { readyCommand: 'false', startupTimeout: 300, drain: 'incomplete' } as const;
    await using supervisor = startSupervisor(['sleep', '60'], fake);
    expect((await supervisor.ended).code, supervisor.log()).toBe(75);
  });

  test('is started again where that is the policy', async () => {
    const fake = { readyCommand: 'test "$(wc -l < starts)" -ge 2', startupTimeout: 700, restart: 'on-failure' };
    await using supervisor = startSupervisor(shell('echo >> starts; exec sleep 60'), fake);
    await supervisor.waitFor(() => supervisor.life().includes('running, ready, started'));
    supervisor.process.kill('SIGTERM');
    expect((await supervisor.ended).code, supervisor.log()).toBe(143);
    expect(supervisor.log()).toContain('command failed, and is started again');
  });
});

test('what a question has started goes with it, when it takes too long', async () => {
  const fake = { readyCommand: 'sleep 47 & echo $! > question; wait; true' };
  await using supervisor = startSupervisor(['sleep', '60'], fake);
  await supervisor.waitFor(() => supervisor.read('question').endsWith('\n'));
  supervisor.process.kill('SIGTERM');
  expect((await supervisor.ended).code, supervisor.log()).toBe(143);
  const question = readProcess(supervisor.read('question').trim());
  expect(question === undefined || !isAlive(question), JSON.stringify(question)).toBe(true);
});
