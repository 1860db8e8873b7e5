import { StationError } from '../../../src/errors.ts';
import { bytes, milliseconds } from '../../../src/quantities.ts';
import { readBody } from '../../../src/storage/object-body.ts';
import type { ConditionalObject, ObjectStore, ObjectVersion } from '../../../src/storage/object-store.ts';

/** What a put comes to: `lost` stores and then fails as if the answer never came, `hang` waits for the abort. */
export type PutFate = 'stored' | 'lost' | 'unreachable' | 'denied' | 'hang';

/** An object store in memory that does with each put as it is told. */
export class MemoryStore implements ObjectStore {
  readonly url = 'memory://';
  readonly layout = 'folder';
  readonly objects = new Map<string, Buffer>();
  readonly puts: string[] = [];
  readonly #versions = new Map<string, number>();
  #lastVersion = 0;
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
    this.#store(key, Buffer.concat(await Array.fromAsync(readBody(body))));
    if (fate === 'lost') throw new StationError('STORAGE_UNREACHABLE', 'ECONNRESET');
  }

  /** When an object was put, as the listing tells it. */
  lastModified: (key: string) => number = () => 0;
  /** `list` and `get` of a key or prefix, `delete` of so many, in order. */
  readonly asked: string[] = [];
  /** What a deletion does; a store that lies says that all went well. */
  remove: (key: string) => void = (key) => void this.objects.delete(key);

  async *get(key: string, options: Parameters<ObjectStore['get']>[1] = {}) {
    this.asked.push(`get ${key}`);
    const object = this.objects.get(key);
    if (object === undefined) throw new StationError('STORAGE_NOT_FOUND', key);
    const { start = 0, end } = options.range ?? {};
    if (start >= object.byteLength) throw new StationError('STORAGE_BROKEN', 'InvalidRange');
    yield object.subarray(start, end);
  }

  async *list(prefix: string) {
    this.asked.push(`list ${prefix}`);
    for (const key of [...this.objects.keys()].sort()) {
      const size = bytes(this.objects.get(key)?.byteLength ?? 0);
      if (key.startsWith(prefix)) yield { key, size, lastModified: milliseconds(this.lastModified(key)) };
    }
  }

  async delete(keys: readonly string[]) {
    this.asked.push(`delete ${keys.length}`);
    for (const key of keys) this.remove(key);
  }

  conditional(key: string): ConditionalObject {
    const read = () => {
      const bytes = this.objects.get(key);
      return bytes === undefined ? undefined : { bytes, version: String(this.#versions.get(key)) as ObjectVersion };
    };
    return {
      read: async () => read(),
      write: async (bytes, expected) => {
        if (read()?.version !== expected) throw new StationError('STORAGE_ALREADY_EXISTS', key);
        this.#store(key, Buffer.from(bytes));
        return String(this.#lastVersion) as ObjectVersion;
      },
    };
  }

  #store(key: string, bytes: Buffer) {
    this.#lastVersion += 1;
    this.#versions.set(key, this.#lastVersion);
    this.objects.set(key, bytes);
  }

  async close() {}
}
