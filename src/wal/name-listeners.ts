export interface FolderListener {
  /** The names that matter; undefined: every one. */
  readonly names: readonly string[] | undefined;
  /** `renamed`: the name was made, moved, or removed. An unknown name: look at everything. */
  readonly changed: (name: string | undefined, what: 'renamed' | 'written') => void;
  /** The folder is watched no longer. */
  readonly lost: () => void;
}

/** Who wants to know of which name in one folder. */
export class NameListeners {
  readonly #all = new Set<FolderListener>();
  readonly #ofEvery = new Set<FolderListener>();
  readonly #byName = new Map<string, Set<FolderListener>>();

  get size(): number {
    return this.#all.size;
  }

  add(listener: FolderListener): void {
    this.#all.add(listener);
    if (listener.names === undefined) this.#ofEvery.add(listener);
    for (const name of listener.names ?? []) {
      const listeners = this.#byName.get(name) ?? new Set();
      this.#byName.set(name, listeners.add(listener));
    }
  }

  delete(listener: FolderListener): void {
    this.#all.delete(listener);
    this.#ofEvery.delete(listener);
    for (const name of listener.names ?? []) {
      const listeners = this.#byName.get(name);
      listeners?.delete(listener);
      if (listeners?.size === 0) this.#byName.delete(name);
    }
  }

  tell(name: string | undefined, what: 'renamed' | 'written'): void {
    const named = name === undefined ? this.#all : (this.#byName.get(name) ?? []);
    // Whoever is told may let go of the folder meanwhile.
    for (const listener of [...new Set([...named, ...this.#ofEvery])]) listener.changed(name, what);
  }

  /** The folder is watched no longer. */
  lose(): void {
    for (const listener of [...this.#all]) listener.lost();
  }
}
