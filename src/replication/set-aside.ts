import { rename } from 'node:fs/promises';

/**
 * Renames a database and what SQLite keeps beside it, so that nothing of it is lost or mixed into another.
 * @returns the new names
 */
export async function moveDatabaseAside(path: string, now: Date): Promise<readonly string[]> {
  const stamp = now.toISOString().replaceAll(/[:.]/g, '-');
  const moved: string[] = [];
  for (const suffix of ['', '-wal', '-shm', '-journal']) {
    const aside = `${path}.set-aside-${stamp}${suffix}`;
    try {
      await rename(`${path}${suffix}`, aside);
      moved.push(aside);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
  return moved;
}
