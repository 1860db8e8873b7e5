import { type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import type { HeldDatabases } from './scan-folder.ts';

/** The databases of a folder that are open here, by name and by the file that the name meant. */
export class HeldFiles implements HeldDatabases {
  readonly #folder: string;
  readonly #identities = new Map<string, Set<string>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  get paths(): readonly string[] {
    return [...this.#identities.keys()];
  }

  add(relativePath: string): void {
    this.#identities.set(relativePath, new Set());
    this.#note(relativePath);
  }

  delete(relativePath: string): void {
    this.#identities.delete(relativePath);
  }

  /** Files that took the place of others are followed too; those they replaced may be, for a while. */
  refresh(): void {
    for (const path of this.#identities.keys()) this.#note(path);
  }

  has(relativePath: string): boolean {
    return this.#identities.has(relativePath);
  }

  isHeld(file: Stats): boolean {
    const identity = identityOf(file);
    return [...this.#identities.values()].some((identities) => identities.has(identity));
  }

  #note(relativePath: string): void {
    const found = statSync(join(this.#folder, relativePath), { throwIfNoEntry: false });
    if (found?.isFile() === true) this.#identities.get(relativePath)?.add(identityOf(found));
  }
}

function identityOf({ dev, ino }: Stats): string {
  return `${dev}:${ino}`;
}
