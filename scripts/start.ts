/**
 * `npm start`: supervises the sample app on ./data/station.db with a replica in ./data/replica.
 * `npm start -- COMMAND…`: supervises any command with the same database and replica.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const sampleApp = ['node_modules/.bin/node', 'examples/sample-app/main.ts'];

process.chdir(root);
mkdirSync('data', { recursive: true });
// Written anew each time: what the person reads there is what runs.
writeFileSync('data/litestream.yml', configText());
const command = process.argv.slice(2);
console.error(command.length === 0 ? introduction() : commandIntroduction(command));

const supervised = command.length === 0 ? sampleApp : command;
const environment = { ...process.env, DATABASE: './data/station.db' };
// Gives way to the supervisor, so that Ctrl-C and signals find it in our place. Node calls execve experimental, aloud.
process.removeAllListeners('warning');
process.execve?.(
  './entrypoint',
  ['./entrypoint', 'run', '--config', 'data/litestream.yml', '--', ...supervised],
  environment,
);

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
