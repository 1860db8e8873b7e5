import { once } from 'node:events';
import { chmod, lstat, mkdtemp, rename, rm, unlink } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { StationError } from '../errors.ts';
import { connectTo } from './control-client.ts';
import { withSocketAddress } from './socket-address.ts';

export interface ControlSocket {
  close(): Promise<void>;
}

/**
 * Listens on a Unix socket that nobody can reach before it has its permissions: it is made in a folder of ours alone, and
 * then moved to its place, over a stale one that a killed process left.
 * @throws StationError STAGING_FAILED where another process listens there, or something else is in its place
 */
export async function openControlSocket(
  path: string,
  permissions: number,
  connected: (socket: Socket) => void,
): Promise<ControlSocket> {
  await checkPlace(path);
  const folder = await mkdtemp(join(dirname(path), `.${basename(path)}-`));
  const server = createServer(connected);
  try {
    const made = join(folder, 's');
    await listen(server, made);
    await chmod(made, permissions);
    await rename(made, path);
  } catch (error) {
    server.close();
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const { ino } = await lstat(path);
  server.unref();
  return {
    close: async () => {
      server.close();
      const there = await lstat(path).catch(() => undefined);
      if (there?.ino === ino) await unlink(path).catch(() => undefined);
    },
  };
}

async function listen(server: Server, path: string): Promise<void> {
  await withSocketAddress(path, async (address) => {
    const listening = once(server, 'listening');
    server.listen(address);
    await listening;
  });
}

async function checkPlace(path: string): Promise<void> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new StationError('STAGING_FAILED', `${path} is not a socket`, { hint: 'set another socket.path' });
  }
  // Another user's was left by a start as that user: where the folder is ours, it can be replaced.
  const other = await connectTo(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EACCES') return undefined;
    throw error;
  });
  if (other === undefined) return;
  other.destroy();
  throw new StationError('STAGING_FAILED', `another process listens on ${path}`, {
    hint: 'set another socket.path, or none: then each database has a socket in its staging folder',
  });
}
