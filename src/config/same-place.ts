import type { AzureStoreOptions, StoreOptions } from '../storage/store-options.ts';
import type { DatabaseConfig } from './config.ts';
import { addProblem, type ConfigReading } from './reading.ts';

/** Two databases in one file, or two replicas in one place, would write over each other: both are mistakes. */
export function reportSamePlaces(databases: readonly DatabaseConfig[], reading: ConfigReading): void {
  const paths = new Map<string, string>();
  const stores = new Map<string, string>();
  for (const database of databases) {
    report(paths, database.path, database.where, `the database ${database.path}`, reading);
    for (const { store, where } of database.replicas) {
      report(stores, placeOf(store), where, `a replica in this place`, reading);
    }
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

function placeOf(store: StoreOptions): string {
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
