import { createServer, type Server, type ServerResponse } from 'node:http';
import type { ListenAddress } from '../config/listen-address.ts';
import { answerHealth, type HealthAnswer, type HealthState } from './health.ts';
import type { Log } from './log.ts';

export interface HealthServerOptions {
  readonly address: ListenAddress;
  /** What is true at the moment of a request. */
  readonly state: () => HealthState;
  /** Takes secrets out of a reason. */
  readonly clean: (text: string) => string;
  readonly log: Log;
}

/** A probe's request is a few hundred bytes and comes every few seconds, from a handful of probers. */
const limits = {
  maxHeaderSize: 8 * 1024,
  headersTimeout: 5_000,
  requestTimeout: 5_000,
  connectionsCheckingInterval: 5_000,
} as const;
const MAX_CONNECTIONS = 100;
const IDLE_TIMEOUT = 10_000;

/** Whoever holds the port may be the instance that is being replaced. */
const FIRST_RETRY = 1_000;
const LONGEST_RETRY = 30_000;

/**
 * Serves the health endpoints until the process exits, which it does not delay. An address that cannot be had is warned
 * of once, and taken as soon as it is free: it is no reason to stop what is being served.
 */
export function serveHealth({ address, state, clean, log }: HealthServerOptions): void {
  const server = createServer(limits, (request, response) => {
    send(response, answerHealth(request.method ?? '', request.url ?? '', state()), clean);
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.timeout = IDLE_TIMEOUT;
  server.on('connection', (socket) => socket.unref());
  server.unref();
  server.on('listening', () => log.info('health endpoints', { addr: addressOf(server) }));
  let retry = FIRST_RETRY;
  server.on('error', (error: NodeJS.ErrnoException) => {
    if (retry === FIRST_RETRY) log.warn(`no health endpoints: ${error.message}`, { hint: hintFor(error.code) });
    if (error.code !== 'EADDRINUSE') return;
    setTimeout(() => listen(server, address), retry).unref();
    retry = Math.min(retry * 2, LONGEST_RETRY);
  });
  listen(server, address);
}

function listen(server: Server, { host, port }: ListenAddress): void {
  server.listen({ port, ...(host !== undefined && { host }) });
}

function send(response: ServerResponse, { status, body }: HealthAnswer, clean: (text: string) => string): void {
  const { reason } = body;
  const text = `${JSON.stringify(reason === undefined ? body : { ...body, reason: clean(reason) })}\n`;
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    // The next probe is seconds away.
    Connection: 'close',
    ...(status === 405 && { Allow: 'GET, HEAD' }),
  });
  response.end(text);
}

function addressOf(server: Server): string {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') return String(bound);
  return bound.family === 'IPv6' ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`;
}

function hintFor(code: string | undefined): string {
  switch (code) {
    case 'EADDRINUSE':
      return 'it is tried again; if another program keeps it, set another --listen, STATION_LISTEN or addr';
    case 'EACCES':
      return 'ports below 1024 are root’s: set a higher one in --listen, STATION_LISTEN or addr';
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return 'the host of --listen, STATION_LISTEN or addr is no address of this machine; leave it out to listen on all';
    default:
      return 'check --listen, STATION_LISTEN or addr';
  }
}
