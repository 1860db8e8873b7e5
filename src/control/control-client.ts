import { once } from 'node:events';
import { request } from 'node:http';
import { createConnection, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { StationError } from '../errors.ts';
import { withSocketAddress } from './socket-address.ts';

/** Nobody listens there: no file, or one that a killed process left. */
const NOBODY = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTDIR', 'ENOTSOCK']);

export interface ControlAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** A connection to whoever listens at a path; undefined where nobody does. */
export async function connectTo(path: string): Promise<Socket | undefined> {
  try {
    return await withSocketAddress(path, async (address) => {
      const socket = createConnection(address);
      await once(socket, 'connect');
      return socket;
    });
  } catch (error) {
    if (error instanceof Error && 'code' in error && NOBODY.has(String(error.code))) return undefined;
    throw error;
  }
}

/**
 * Asks the process that listens on a control socket; undefined where none does.
 * @throws StationError DATA_FOLDER where we may not, CAPTURE_FAILED where it ends without an answer; the signal's reason
 */
export async function askControl(
  path: string,
  method: 'GET' | 'POST',
  target: string,
  body: unknown,
  signal: AbortSignal,
): Promise<ControlAnswer | undefined> {
  const socket = await connectOrExplain(path);
  if (socket === undefined) return undefined;
  try {
    const content = body === undefined ? '' : JSON.stringify(body);
    const asked = request({
      createConnection: () => socket,
      method,
      path: target,
      headers: { Host: 'localhost', 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(content) },
      signal,
    });
    asked.end(content);
    const [response] = await once(asked, 'response');
    return { status: response.statusCode, body: JSON.parse(await text(response)) };
  } catch (cause) {
    signal.throwIfAborted();
    throw new StationError('CAPTURE_FAILED', `the process that listens on ${path} ended without an answer`, {
      cause,
      hint: 'ask again: where no process replicates any longer, it is told without one',
    });
  } finally {
    socket.destroy();
  }
}

async function connectOrExplain(path: string): Promise<Socket | undefined> {
  try {
    return await connectTo(path);
  } catch (cause) {
    const isRefused = cause instanceof Error && 'code' in cause && (cause.code === 'EACCES' || cause.code === 'EPERM');
    if (!isRefused) throw cause;
    throw new StationError('DATA_FOLDER', `${path} belongs to another user`, {
      cause,
      hint: 'ask as the user that runs the program, or as root',
    });
  }
}
