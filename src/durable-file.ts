import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

/** fsync of a folder: without it a name made in it may not survive a power loss. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems do not know fsync of a folder; there the server's own durability is all there is.
    const errno = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (!['EINVAL', 'ENOTSUP', 'EPERM'].includes(errno)) throw error;
  } finally {
    await handle.close();
  }
}

/** The same of the folder that holds `path`. */
export async function syncFolderOf(path: string): Promise<void> {
  await syncFolder(dirname(path));
}

/** Puts `content` at `path` so that after any crash the file is the old one or the new one, whole. */
export async function replaceFile(path: string, content: string): Promise<void> {
  const next = `${path}.tmp`;
  const file: FileHandle = await open(next, 'w');
  try {
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(next, path);
  } catch (error) {
    await unlink(next).catch(() => undefined);
    throw error;
  }
  await syncFolderOf(path);
}
