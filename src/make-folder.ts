import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder, and those above it that are missing. Node's own `recursive` takes a read-only file system for a missing
 * file, and never ends where the folder above is there and takes none, as in /proc.
 * @returns the topmost folder that was made; undefined where all were there
 * @throws what the system says of the first that cannot be made
 */
export async function makeFolder(path: string): Promise<string | undefined> {
  const refusal = await refusalOf(path);
  if (refusal === undefined) return path;
  if (await isFolder(path)) return undefined;
  const above = dirname(path);
  if (!isMissing(refusal) || above === path) throw refusal;
  const made = await makeFolder(above);
  const again = await refusalOf(path);
  // Somebody else may have made it meanwhile.
  if (again !== undefined && !(await isFolder(path))) throw again;
  return made ?? (again === undefined ? path : undefined);
}

async function refusalOf(path: string): Promise<unknown> {
  try {
    await mkdir(path);
    return undefined;
  } catch (error) {
    return error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
