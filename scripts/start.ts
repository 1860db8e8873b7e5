/**
 * `npm start`: supervises the sample app on ./data/station.db with a replica in ./data/replica.
 * `npm start -- COMMAND…`: supervises any command with the same database and replica.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const sampleApp = ['node_modules/.bin/node', 'examples/sample-app/main.ts'];

process.chdir(root);
mkdirSync('data', { recursive: true });
// Written anew each time: what the person reads there is what runs.
writeFileSync('data/litestream.yml', configText());
const command = process.argv.slice(2);
console.error(command.length === 0 ? introduction() : commandIntroduction(command));

const supervisor = spawn(
  './entrypoint',
  ['run', '--config', 'data/litestream.yml', '--', ...(command.length === 0 ? sampleApp : command)],
  { stdio: 'inherit', env: { ...process.env, DATABASE: './data/station.db' } },
);
forwardStopSignals();
supervisor.on('error', (error) => {
  console.error(`error: ./entrypoint cannot be started: ${error.message}`);
  process.exitCode = 70;
});
supervisor.on('exit', (code, signal) => {
  process.exitCode = signal === null ? (code ?? 70) : 128 + constants.signals[signal];
});

/**
 * At a terminal Ctrl-C reaches the supervisor by itself, which is in our process group; a signal sent to this process
 * alone (`kill`, or npm passing one on) does not. The supervisor takes each kind of signal once, so both is harmless.
 */
function forwardStopSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || process.stdin.isTTY !== true) supervisor.kill(signal);
    });
  }
}

function configText(): string {
  return `# Written by npm start. The same words as in Litestream's own config file.
dbs:
  - path: ./data/station.db
    replicas:
      - type: file
        path: ./data/replica
        sync-interval: 1s
`;
}

function introduction(): string {
  const port = process.env['PORT'] ?? '8080';
  return `
Supervising a sample app on ./data/station.db; every commit is replicated to ./data/replica. Try this:

  1. add rows        curl 'http://127.0.0.1:${port}/add?text=hello'    (or in a browser; PORT=8081 npm start for another port)
  2. stop            Ctrl-C
  3. lose the disk   rm -rf data/station.db* data/.station.db-litestream
  4. start again     npm start, and the rows are there: http://127.0.0.1:${port}/
`;
}

function commandIntroduction(words: readonly string[]): string {
  return `
Supervising: ${words.join(' ')}
Its database is ./data/station.db (also in $DATABASE), in WAL mode; every commit is replicated to ./data/replica.
`;
}
