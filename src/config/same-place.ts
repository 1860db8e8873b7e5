import type { AzureStoreOptions, StoreOptions } from '../storage/store-options.ts';
import type { DatabaseConfig, DatabaseFolderConfig } from './config.ts';
import { addProblem, type ConfigReading } from './reading.ts';

/** Two databases in one file, or two replicas in one place, would write over each other: both are mistakes. */
export function reportSamePlaces(
  databases: readonly DatabaseConfig[],
  folders: readonly DatabaseFolderConfig[],
  reading: ConfigReading,
): void {
  const paths = new Map<string, string>();
  const stores = new Map<string, string>();
  for (const database of databases) {
    report(paths, database.path, database.where, `the database ${database.path}`, reading);
    for (const { store, where } of database.replicas) {
      report(stores, placeOf(store), where, `a replica in this place`, reading);
    }
  }
  reportSameRoots(folders, reading);
}

/**
 * Databases of one name in two folders with one root would land in one place, today or on the day they appear. One folder
 * may be listed several times with different patterns.
 */
function reportSameRoots(folders: readonly DatabaseFolderConfig[], reading: ConfigReading): void {
  const roots = new Map<string, DatabaseFolderConfig>();
  for (const folder of folders) {
    const own = new Set<string>();
    for (const { store, where } of folder.template.replicas) {
      const root = placeOf(store);
      const other = roots.get(root);
      const place = { text: where, order: Number.MAX_SAFE_INTEGER };
      if (own.has(root) || (other !== undefined && (other.path !== folder.path || other.pattern === folder.pattern))) {
        const first = other?.template.where ?? folder.template.where;
        const message = `the databases of ${folder.path} would share their replica places with those listed at ${first}`;
        addProblem(reading, place, 'CONFIG_VALUE', message, 'give each folder a path of its own in the replica');
      }
      own.add(root);
    }
    for (const root of own) roots.set(root, folder);
  }
}

function report(seen: Map<string, string>, key: string, where: string, what: string, reading: ConfigReading): void {
  const first = seen.get(key);
  if (first === undefined) seen.set(key, where);
  else {
    const place = { text: where, order: Number.MAX_SAFE_INTEGER };
    addProblem(reading, place, 'CONFIG_VALUE', `${what} is listed at ${first} already`, 'give each a path of its own');
  }
}

/** The same text for the same place. */
export function placeOf(store: StoreOptions): string {
  if (store.type === 'file') return `file:${store.path}`;
  const path = store.path.split('/').filter((part) => part !== '');
  if (store.type === 'abs') return ['abs', accountOf(store), store.container, ...path].join('\n');
  return [store.type, store.endpoint ?? '', store.bucket, ...path].join('\n');
}

/** By whatever names the account: two ways of naming one are not recognized as the same. */
function accountOf({ endpoint, accountName, credentials }: AzureStoreOptions): string {
  if (credentials?.kind !== 'connection-string') return endpoint ?? accountName ?? '';
  return /(?:^|;)(?:BlobEndpoint|AccountName)=([^;]*)/.exec(credentials.connectionString)?.[1] ?? '';
}
