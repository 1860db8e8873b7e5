import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type FolderListener, NameListeners } from './name-listeners.ts';

interface SharedWatcher {
  readonly watcher: FSWatcher;
  readonly listeners: NameListeners;
}

/** One for each folder: with 200 databases in it, 200 watchers would each be told of every write to any of them. */
const shared = new Map<string, SharedWatcher>();

/** Watches a folder until the returned function is called. It keeps no process alive. Throws where that is not possible. */
export function watchFolder(folder: string, options: FolderListener): () => void {
  const found = shared.get(folder) ?? openShared(folder);
  found.listeners.add(options);
  return () => {
    found.listeners.delete(options);
    if (found.listeners.size > 0) return;
    found.watcher.close();
    if (shared.get(folder) === found) shared.delete(folder);
  };
}

function openShared(folder: string): SharedWatcher {
  const listeners = new NameListeners();
  const watcher = watch(folder, { persistent: false }, (event, name) => {
    listeners.tell(name ?? undefined, event === 'rename' ? 'renamed' : 'written');
    // A folder that was removed is told of by its own name, and a watch on it is dead: one that comes later is another.
    if (event === 'rename' && name === basename(folder)) lose();
  });
  const opened = { watcher, listeners };
  const lose = () => {
    if (shared.get(folder) === opened) shared.delete(folder);
    watcher.close();
    listeners.lose();
  };
  watcher.on('error', lose);
  shared.set(folder, opened);
  return opened;
}

/**
 * Watches the folder of a database for changes to it and its WAL. The folder, because a watch on the `-wal` file dies
 * with that file. Every event costs, so it is let go of while the database is being polled anyway.
 */
export class FolderWatch {
  readonly #folder: string;
  readonly #names: readonly string[];
  readonly #changed: () => void;
  #release: (() => void) | undefined;

  constructor(path: string, changed: () => void) {
    const name = basename(path);
    this.#folder = dirname(path);
    this.#names = [name, `${name}-wal`];
    this.#changed = changed;
  }

  /**
   * Starts watching; true if it was not before. Does nothing where the folder does not exist or cannot be watched:
   * the slow poll remains.
   */
  arm(): boolean {
    if (this.#release !== undefined) return false;
    try {
      const lost = () => this.disarm();
      this.#release = watchFolder(this.#folder, { names: this.#names, changed: this.#changed, lost });
      return true;
    } catch {
      return false;
    }
  }

  disarm(): void {
    this.#release?.();
    this.#release = undefined;
  }
}
