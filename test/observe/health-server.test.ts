import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';

const program = join(import.meta.dirname, 'health-server-process.ts');
const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

function start(host: string, port: number) {
  const child = spawn(process.execPath, [program, host, String(port)], { stdio: ['pipe', 'ignore', 'pipe'] });
  running.push(child);
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (log += text));
  return {
    child,
    log: () => log,
    async find(pattern: RegExp): Promise<string> {
      for (let turn = 0; turn < 1000; turn += 1) {
        const found = pattern.exec(log)?.[1];
        if (found !== undefined) return found;
        await pause(20);
      }
      throw new Error(`waited in vain for ${pattern}:\n${log}`);
    },
  };
}

const listening = /health endpoints" addr=\S+:(\d+)/;

/** What comes back for these bytes, until the server closes. */
async function exchange(port: number, request: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('utf8').on('data', (text) => (answer += text));
  socket.on('error', () => {});
  socket.write(request);
  await once(socket, 'close');
  return answer;
}

describe('the health server', () => {
  test('answers GET with JSON, HEAD without, takes no secrets along, and closes', async () => {
    const server = start('127.0.0.1', 0);
    const url = `http://127.0.0.1:${await server.find(listening)}`;
    const response = await fetch(`${url}/readyz`);
    expect(response.status).toBe(503);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'no-store',
      connection: 'close',
    });
    expect(await response.json()).toEqual({
      status: 'unavailable',
      phase: 'restoring',
      reason: 'the password is [redacted]',
    });
    const head = await fetch(`${url}/livez`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect((await fetch(`${url}/metrics`)).status).toBe(404);
    const post = await fetch(`${url}/readyz`, { method: 'POST', body: 'x' });
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  test('refuses what is no request, and headers without end', async () => {
    const server = start('127.0.0.1', 0);
    const port = Number(await server.find(listening));
    expect(await exchange(port, 'what?\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect(await exchange(port, `GET /livez HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}`)).toMatch(
      /^HTTP\/1\.1 431 /,
    );
    expect((await fetch(`http://127.0.0.1:${port}/livez`)).status).toBe(200);
  });

  test('does not keep the process alive, not even with somebody connected', async () => {
    const server = start('127.0.0.1', 0);
    const socket = connect(Number(await server.find(listening)), '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    const ended = once(server.child, 'exit');
    server.child.stdin?.end();
    expect(await ended).toEqual([0, null]);
  });

  test('warns once of an address in use, and takes it when it is free', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const server = start('127.0.0.1', port);
    expect(await server.find(/msg="no health endpoints: [^"]*EADDRINUSE[^"]*" hint="([^"]*)"/)).toContain('--listen');
    await pause(1_500);
    other.close();
    expect(await server.find(listening)).toBe(String(port));
    expect(server.log().match(/level=WARN/g)).toHaveLength(1);
  });

  test('warns of an address that this machine does not have, and goes on without', async () => {
    const server = start('203.0.113.1', 0);
    expect(await server.find(/no health endpoints: [^"]*EADDRNOTAVAIL[^"]*" hint="([^"]*)"/)).toContain('leave it out');
    expect(server.child.exitCode).toBeNull();
  });
});
