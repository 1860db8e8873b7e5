import { randomUUID } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { StationError } from '../errors.ts';

/** A nameless file of ours: unlinked as soon as it is open, so that no crash leaves one behind. */
export class SpillFile {
  readonly #file: number;

  constructor(folder: string) {
    try {
      mkdirSync(folder, { recursive: true });
      const path = join(folder, `pages-${randomUUID()}.tmp`);
      this.#file = openSync(path, 'wx+', 0o600);
      unlinkSync(path);
    } catch (error) {
      throw new StationError('STAGING_FAILED', `cannot create a file in ${folder}`, { cause: error });
    }
  }

  write(data: Uint8Array, length: number, offset: number): void {
    try {
      for (let done = 0; done < length; ) done += writeSync(this.#file, data, done, length - done, offset + done);
    } catch (error) {
      throw new StationError('STAGING_FAILED', 'cannot write captured pages to the staging folder', { cause: error });
    }
  }

  read(target: Uint8Array, start: number, length: number, offset: number): void {
    const count = readSync(this.#file, target, start, length, offset);
    if (count !== length) throw new StationError('STAGING_FAILED', 'captured pages on disk are cut short');
  }

  close(): void {
    closeSync(this.#file);
  }
}
