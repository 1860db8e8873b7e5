import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../../durable-file.ts';

const NAME = '.restoring-litestream';
const TEXT = 'The databases of this folder are being restored. While this file is here, some may be missing.\n';

/**
 * Stands in a folder from before its first database is restored until the last one is: after a kill in between, the
 * databases that are there already must not be taken for all.
 */
export class RestoreMark {
  readonly #path: string;

  constructor(folder: string) {
    this.#path = join(folder, NAME);
  }

  get isSet(): boolean {
    return existsSync(this.#path);
  }

  async set(): Promise<void> {
    await replaceFile(this.#path, TEXT);
  }

  async clear(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}
