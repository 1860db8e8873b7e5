import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { bytes, type Milliseconds } from '../../src/quantities.ts';
import { restoreDatabase } from '../../src/restore/restore.ts';
import type { RestoreDatabaseOptions, RestoredDatabase } from '../../src/restore/restore-options.ts';
import type { NamedReplica } from '../../src/restore/restore-target.ts';
import { openFileStore } from '../../src/storage/file/store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';

/** A folder with a place for the database and for replicas, and what a restore there said. */
export interface Site {
  readonly folder: string;
  readonly output: string;
  readonly checksumFile: string;
  readonly warnings: string[];
  readonly steps: string[];
  replica(name: string): NamedReplica;
  restore(replicas: readonly NamedReplica[], options?: Partial<RestoreDatabaseOptions>): Promise<RestoredDatabase>;
  /** Names in the database's folder, ours and others'. */
  names(): readonly string[];
  database(): Buffer;
  remove(): void;
}

export function createSite(): Site {
  const folder = mkdtempSync(join(tmpdir(), 'restore-'));
  const output = join(folder, 'data', 'station.db');
  mkdirSync(join(folder, 'data'));
  const warnings: string[] = [];
  const steps: string[] = [];
  const site: Site = {
    folder,
    output,
    checksumFile: join(folder, 'page-checksums'),
    warnings,
    steps,
    replica: (name) => ({ name, store: openFileStore({ type: 'file', path: join(folder, name) }) }),
    restore: async (replicas, options = {}) => {
      const outcome = await restoreDatabase({ ...defaults(site, replicas), ...options });
      if (outcome.kind !== 'restored') throw new Error('nothing to restore');
      return outcome;
    },
    names: () => readdirSync(join(folder, 'data')).sort(),
    database: () => readFileSync(output),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
  return site;
}

export function defaults(site: Site, replicas: readonly NamedReplica[]): RestoreDatabaseOptions {
  return {
    replicas,
    target: { kind: 'newest' },
    policy: { quorum: 'any', from: undefined },
    output: site.output,
    checksumFile: site.checksumFile,
    integrity: { mode: 'quick', maxBytes: bytes(1 << 30) },
    events: {
      step: (line) => site.steps.push(line),
      warn: (line) => site.warnings.push(line),
      progress: () => {},
    },
    answerTimeout: 10_000 as Milliseconds,
    signal: new AbortController().signal,
  };
}

/** A store with some of its methods replaced. */
export function withFaults(replica: NamedReplica, faults: (store: ObjectStore) => Partial<ObjectStore>): NamedReplica {
  const { store } = replica;
  return {
    name: replica.name,
    store: {
      url: store.url,
      layout: store.layout,
      put: (...rest) => store.put(...rest),
      get: (...rest) => store.get(...rest),
      list: (...rest) => store.list(...rest),
      delete: (...rest) => store.delete(...rest),
      conditional: (...rest) => store.conditional(...rest),
      close: () => store.close(),
      ...faults(store),
    },
  };
}

export const fileName = (path: string): string => basename(path);
