import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';

/** An answer that the proxy gives by itself. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export type HttpFault =
  /** Answers this, and the server behind never hears of it. */
  | { readonly kind: 'answer'; readonly answer: HttpAnswer }
  /** Takes the request and never answers. */
  | { readonly kind: 'hang' }
  /** Half of the request's body arrives, then the connection is reset. */
  | { readonly kind: 'half-request' }
  /** The request is done, and its answer gets lost. */
  | { readonly kind: 'lost-answer' }
  /** Half of the answer's body arrives, then the connection is reset. */
  | { readonly kind: 'half-answer' }
  /** The answer's body comes at this rate. */
  | { readonly kind: 'slow'; readonly bytesPerSecond: number };

export interface HttpRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

export interface HttpFaultFilter {
  readonly methods?: readonly string[];
  /** On path and query. */
  readonly path?: RegExp;
  readonly times?: number;
}

export interface HttpFaultProxy {
  readonly url: string;
  readonly requests: HttpRequest[];
  /** What happens to the next `times` requests that fit; to all, without. One fault at a time. */
  spoil(fault: HttpFault, when?: HttpFaultFilter): void;
  heal(): void;
  /** A rule that the server behind lacks and the real one has: its refusal, or undefined to hand the request on. */
  judge(rule: (request: HttpRequest) => HttpAnswer | undefined): void;
  /** Nobody listens from now on, until `listen`. */
  close(): Promise<void>;
  listen(): Promise<void>;
  stop(): Promise<void>;
}

/** A reverse proxy on 127.0.0.1 that knows one request from another, and has some of them go wrong. */
export async function startHttpFaultProxy(targetPort: number): Promise<HttpFaultProxy> {
  const requests: HttpRequest[] = [];
  let fault: HttpFault | undefined;
  let filter: HttpFaultFilter = {};
  let left = 0;
  let rule: (request: HttpRequest) => HttpAnswer | undefined = () => undefined;

  const take = ({ method, path }: HttpRequest): HttpFault | undefined => {
    if (fault === undefined || left <= 0) return undefined;
    if (filter.methods?.includes(method) === false || filter.path?.test(path) === false) return undefined;
    left -= 1;
    return fault;
  };
  const server = createServer((incoming, outgoing) => {
    const { method = 'GET', url: path = '/', headers } = incoming;
    const asked = { method, path, headers };
    requests.push(asked);
    const refusal = rule(asked);
    const taken: HttpFault | undefined = refusal === undefined ? take(asked) : { kind: 'answer', answer: refusal };
    handOn(targetPort, incoming, outgoing, taken).catch(() => incoming.socket.destroy());
  });
  server.keepAliveTimeout = 60_000;
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
  const close = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    spoil: (next, when = {}) => {
      fault = next;
      filter = when;
      left = when.times ?? Number.POSITIVE_INFINITY;
    },
    heal: () => {
      left = 0;
    },
    judge: (next) => {
      rule = next;
    },
    close,
    listen: () => listen(port),
    stop: async () => {
      if (server.listening) await close();
    },
  };
}

async function handOn(
  port: number,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  fault: HttpFault | undefined,
): Promise<void> {
  if (fault?.kind === 'hang') return;
  const body = incoming as AsyncIterable<Buffer>;
  if (fault?.kind === 'answer') {
    // Taken in first: an answer that overtakes its request may be lost with the connection.
    for await (const _ of body);
    const { status, headers = {}, body: content = '' } = fault.answer;
    outgoing.writeHead(status, { 'content-length': Buffer.byteLength(content), ...headers }).end(content);
    return;
  }
  const { connection: _, expect: __, ...headers } = incoming.headers;
  const { method, url: path } = incoming;
  // A connection for each request, so that the server's closing of idle ones is no fault of its own.
  const onward = request({ host: '127.0.0.1', port, agent: false, method, path, headers });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    onward.once('response', resolve).once('error', reject);
  });
  answered.catch(() => {});
  let remaining = fault?.kind === 'half-request' ? Number(incoming.headers['content-length'] ?? 0) / 2 : undefined;
  for await (const chunk of body) {
    if (remaining !== undefined && chunk.length >= remaining) {
      onward.write(chunk.subarray(0, Math.floor(remaining)));
      // A moment later, so that what was written before arrives.
      await pause(20);
      onward.destroy();
      incoming.socket.resetAndDestroy();
      return;
    }
    if (remaining !== undefined) remaining -= chunk.length;
    if (!onward.write(chunk)) await drained(onward);
  }
  onward.end();
  await giveBack(await answered, incoming, outgoing, fault);
}

async function giveBack(
  answer: IncomingMessage,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  fault: HttpFault | undefined,
): Promise<void> {
  if (fault?.kind === 'lost-answer') {
    for await (const _ of answer);
    incoming.socket.resetAndDestroy();
    return;
  }
  const { connection: _, 'keep-alive': __, ...headers } = answer.headers;
  outgoing.writeHead(answer.statusCode ?? 502, headers);
  let half = fault?.kind === 'half-answer' ? Number(answer.headers['content-length'] ?? 0) / 2 : undefined;
  const step = fault?.kind === 'slow' ? Math.max(1, Math.floor(fault.bytesPerSecond / 20)) : undefined;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    if (half !== undefined && chunk.length >= half) {
      outgoing.write(chunk.subarray(0, Math.floor(half)));
      await pause(20);
      incoming.socket.resetAndDestroy();
      answer.destroy();
      return;
    }
    if (half !== undefined) half -= chunk.length;
    for (let at = 0; at < chunk.length; at += step ?? chunk.length) {
      if (outgoing.destroyed) return;
      if (step !== undefined) await pause(50);
      const piece = step === undefined ? chunk : chunk.subarray(at, at + step);
      if (!outgoing.write(piece)) await drained(outgoing);
    }
  }
  outgoing.end();
}

/** Or gone: whoever writes then finds it out. */
function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done).off('close', done);
      resolve();
    };
    stream.on('drain', done).on('close', done);
  });
}
