import { closeSync, constants, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { StationError } from '../errors.ts';

/** What the kernel takes as the path of a socket, without the zero byte at its end. */
const LONGEST_PATH = process.platform === 'linux' ? 107 : 103;

/**
 * Works with an address of a socket that the kernel takes: the path itself, or where that is too long, on Linux, the same
 * place through a descriptor of its folder.
 * @throws StationError STAGING_FAILED where the path is too long, and what opening the folder throws
 */
export async function withSocketAddress<T>(path: string, work: (address: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(path) <= LONGEST_PATH) return await work(path);
  if (process.platform !== 'linux') {
    throw new StationError('STAGING_FAILED', `${path} is too long for a socket: ${LONGEST_PATH} bytes are possible`, {
      hint: 'set a shorter one in socket.path',
    });
  }
  const folder = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return await work(`/proc/self/fd/${folder}/${basename(path)}`);
  } finally {
    closeSync(folder);
  }
}
