/**
 * A small service that lives on a SQLite database, as Station does: it writes rows in WAL mode, shows them over HTTP,
 * and ends in good order on SIGTERM or SIGINT. It knows nothing of replication.
 *
 *   DATABASE=./data/station.db PORT=8080 node examples/sample-app/main.ts
 */
import { mkdirSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { openRows } from './rows.ts';

const path = process.env['DATABASE'] ?? './data/station.db';
mkdirSync(dirname(path), { recursive: true });
const rows = openRows(path);

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    console.error(error);
    reply(response, 500, 'something went wrong\n');
  });
});

server.listen(Number(process.env['PORT'] ?? 8080), process.env['HOST'] ?? '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(`sample app: ${rows.count()} rows, http://127.0.0.1:${port}/`);
});
server.on('error', (error) => {
  console.error(`sample app: ${error.message}`);
  process.exit(1);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop(signal));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  if (request.method === 'GET' && url.pathname === '/') return reply(response, 200, page());
  if (request.method === 'GET' && url.pathname === '/add') return add(response, url.searchParams.get('text') ?? '');
  if (request.method === 'POST' && url.pathname === '/rows') return add(response, await bodyOf(request));
  reply(response, 404, 'not found\n');
}

/** The answer goes out after the commit: who has it, has the row. */
function add(response: ServerResponse, text: string): void {
  if (text.trim() === '') reply(response, 400, 'give a text: /add?text=hello\n');
  else reply(response, 201, `row ${rows.add(text)} is committed\n`);
}

function page(): string {
  const lines = rows.latest(20).map(({ id, text, addedAt }) => `${id}\t${addedAt}\t${text}`);
  return [`${rows.count()} rows, the latest:`, ...lines, '', 'Add one: /add?text=hello', ''].join('\n');
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk;
    if (text.length > 100_000) throw new Error('the body is too long');
  }
  return text;
}

function reply(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
}

/** Finishes the requests under way, closes the database, and lets the process end by itself with 0. */
function stop(signal: string): void {
  console.log(`sample app: ${signal}, finishing`);
  server.close(() => rows.close());
  server.closeIdleConnections();
}
