import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

/** fsync of the folder that holds `path`: without it a rename may not survive a power loss. */
export async function syncFolderOf(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
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
