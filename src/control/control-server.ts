import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Log } from '../observe/log.ts';
import { answerControl, type ControlAnswer, type ControlledProcess } from './answer-control.ts';
import { type ControlSocket, openControlSocket } from './control-socket.ts';

/** A request is a line of JSON, from a person or a script of this machine. */
const limits = { maxHeaderSize: 8 * 1024, headersTimeout: 5_000, requestTimeout: 5_000 } as const;
const LARGEST_BODY = 64 * 1024;

export interface ControlServer {
  /** Listens at one more path. Whatever goes wrong there is told, and is no reason to stop what is being served. */
  open(path: string, permissions: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * Answers on Unix sockets, until it is closed. It keeps no process alive.
 * @param clean takes secrets out of what is said
 */
export function createControlServer(
  process: ControlledProcess,
  clean: (text: string) => string,
  log: Log,
): ControlServer {
  const http = createServer(limits, (request, response) => {
    void answer(request, response, process, clean);
  });
  const sockets: ControlSocket[] = [];
  let isClosed = false;
  return {
    open: async (path, permissions) => {
      try {
        const socket = await openControlSocket(path, permissions, (connection) => {
          connection.unref();
          http.emit('connection', connection);
        });
        if (isClosed) await socket.close();
        else sockets.push(socket);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        log.warn('no control socket: status and sync cannot ask this process', { path, why });
      }
    },
    close: async () => {
      isClosed = true;
      await Promise.all(sockets.splice(0).map((socket) => socket.close()));
      http.closeAllConnections();
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  process: ControlledProcess,
  clean: (text: string) => string,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  try {
    const body = await bodyOf(request);
    if (body === undefined) return send(response, { status: 413, body: { error: 'the request is too large' } }, clean);
    const asked = { method: request.method ?? '', target: request.url ?? '', body };
    send(response, await answerControl(asked, process, gone.signal), clean);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (!response.headersSent) send(response, { status: 500, body: { error: message } }, clean);
  }
}

/** Undefined where it is larger than any of ours. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > LARGEST_BODY) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, { status, body }: ControlAnswer, clean: (text: string) => string): void {
  const text = `${clean(JSON.stringify(body))}\n`;
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
    Connection: 'close',
  });
  response.end(text);
}
