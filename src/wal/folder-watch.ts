import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/**
 * Watches the folder of a database for changes to it and its WAL. The folder, because a watch on the `-wal` file dies
 * with that file. Every event costs, so it is closed while the database is being polled anyway.
 */
export class FolderWatch {
  readonly #folder: string;
  readonly #names: ReadonlySet<string>;
  readonly #changed: () => void;
  #watcher: FSWatcher | undefined;

  constructor(path: string, changed: () => void) {
    const name = basename(path);
    this.#folder = dirname(path);
    this.#names = new Set([name, `${name}-wal`]);
    this.#changed = changed;
  }

  /**
   * Starts watching; true if it was not before. Does nothing where the folder does not exist or cannot be watched:
   * the slow poll remains.
   */
  arm(): boolean {
    if (this.#watcher !== undefined) return false;
    try {
      this.#watcher = watch(this.#folder, { persistent: false }, (_event, name) => {
        if (name === null || this.#names.has(name)) this.#changed();
      });
      this.#watcher.on('error', () => this.disarm());
      return true;
    } catch {
      return false;
    }
  }

  disarm(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}
