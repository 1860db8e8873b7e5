import { StationError } from '../../../src/errors.ts';
import { bytes, milliseconds } from '../../../src/quantities.ts';
import { readBody } from '../../../src/storage/object-body.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';

/** What a put comes to: `lost` stores and then fails as if the answer never came, `hang` waits for the abort. */
export type PutFate = 'stored' | 'lost' | 'unreachable' | 'denied' | 'hang';

/** An object store in memory that does with each put as it is told. */
export class MemoryStore implements ObjectStore {
  readonly url = 'memory://';
  readonly layout = 'folder';
  readonly objects = new Map<string, Buffer>();
  readonly puts: string[] = [];
  /** Decides over each put; all go well without. */
  fate: (key: string) => PutFate = () => 'stored';

  async put(
    key: string,
    ...[body, options]: [...Parameters<ObjectStore['put']>] extends [string, ...infer Rest] ? Rest : never
  ) {
    this.puts.push(key);
    const fate = this.fate(key);
    if (fate === 'unreachable') throw new StationError('STORAGE_UNREACHABLE', 'ECONNREFUSED');
    if (fate === 'denied') throw new StationError('STORAGE_DENIED', 'AccessDenied: Access Denied');
    if (fate === 'hang') {
      await new Promise((_, reject) => {
        options.signal?.addEventListener('abort', () => reject(options.signal?.reason), { once: true });
      });
    }
    if (options.createOnly && this.objects.has(key)) throw new StationError('STORAGE_ALREADY_EXISTS', key);
    this.objects.set(key, Buffer.concat(await Array.fromAsync(readBody(body))));
    if (fate === 'lost') throw new StationError('STORAGE_UNREACHABLE', 'ECONNRESET');
  }

  async *get(key: string, options: Parameters<ObjectStore['get']>[1] = {}) {
    const object = this.objects.get(key);
    if (object === undefined) throw new StationError('STORAGE_NOT_FOUND', key);
    const { start = 0, end } = options.range ?? {};
    if (start >= object.byteLength) throw new StationError('STORAGE_BROKEN', 'InvalidRange');
    yield object.subarray(start, end);
  }

  async *list(prefix: string) {
    for (const key of [...this.objects.keys()].sort()) {
      const size = bytes(this.objects.get(key)?.byteLength ?? 0);
      if (key.startsWith(prefix)) yield { key, size, lastModified: milliseconds(0) };
    }
  }

  async delete(keys: readonly string[]) {
    for (const key of keys) this.objects.delete(key);
  }

  async close() {}
}
