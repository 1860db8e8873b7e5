import { spawn } from 'node:child_process';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Environment } from './environment.ts';
import { killWithDescendants } from './process-tree.ts';
import type { ReadyCheck } from './ready-check.ts';

/** Asks once. Resolves to undefined where the child is up, else to the reason; rejects only when it is aborted. */
export type AskReadiness = (signal: AbortSignal) => Promise<string | undefined>;

export function readinessAsker(check: ReadyCheck, environment: Environment): AskReadiness {
  return check.kind === 'url'
    ? (signal) => askUrl(check.url, signal)
    : (signal) => run(check.command, environment, signal);
}

function askUrl(url: URL, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const refuse = (error: Error) => resolve('code' in error ? `${url.host}: ${error.code}` : error.message);
    // As the kubelet does: what a certificate for 127.0.0.1 would prove is nothing that this question is about.
    const options = { signal, agent: false, rejectUnauthorized: false, headers: { connection: 'close' } };
    const request = url.protocol === 'https:' ? requestHttps(url, options) : requestHttp(url, options);
    request.once('response', (response) => {
      const status = response.statusCode ?? 0;
      resolve(status >= 200 && status < 400 ? undefined : `${url.host} answers with ${status}`);
      // The body may have no end.
      response.destroy();
    });
    // Also after the answer: a connection that breaks then is no news.
    request.on('error', refuse);
    request.end();
  });
}

/** In our own session, so that it is never taken for something that the child has left behind. */
function run(command: string, environment: Environment, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = spawn('/bin/sh', ['-c', command], { stdio: 'ignore', env: environment });
    const kill = () => killWithDescendants(probe.pid);
    signal.addEventListener('abort', kill, { once: true });
    const settle = (reason: string | undefined) => {
      signal.removeEventListener('abort', kill);
      resolve(reason);
    };
    probe.once('error', (error) => settle(error.message));
    probe.once('exit', (code, by) => settle(code === 0 ? undefined : `the command ends with ${by ?? code}`));
  });
}
