import type { DatabaseConfig, ReplicaConfig } from '../../src/config/config.ts';
import { bytes, milliseconds } from '../../src/quantities.ts';
import type {
  AzureStoreOptions,
  FileStoreOptions,
  GcsStoreOptions,
  S3StoreOptions,
} from '../../src/storage/store-options.ts';
import { loadText } from '../config/load-text.ts';

/** Replicas as the config's reader gives them, with these keys. */
const read = (replica: object): ReplicaConfig => {
  const config = loadText(JSON.stringify({ dbs: [{ path: '/data/station.db', replicas: [replica] }] }));
  const [found] = config.databases[0]?.replicas ?? [];
  if (found === undefined) throw new Error('not configured');
  return found;
};

export const s3 = (change: Partial<S3StoreOptions> = {}): S3StoreOptions => ({
  ...(read({ url: 's3://bucket/path' }).store as S3StoreOptions),
  ...change,
});
export const gs = (change: Partial<GcsStoreOptions> = {}): GcsStoreOptions => ({
  ...(read({ url: 'gs://bucket/path' }).store as GcsStoreOptions),
  ...change,
});
export const abs = (change: Partial<AzureStoreOptions> = {}): AzureStoreOptions => ({
  ...(read({ url: 'abs://account@container/path' }).store as AzureStoreOptions),
  ...change,
});
export const folder: FileStoreOptions = { type: 'file', path: '/backup' };

export function replica(store: ReplicaConfig['store'], seconds: number, rate?: number): ReplicaConfig {
  return {
    ...read({ path: '/backup' }),
    store,
    syncInterval: milliseconds(seconds * 1000),
    maxUploadRate: rate === undefined ? undefined : bytes(rate),
  };
}

export function database(...replicas: readonly ReplicaConfig[]): DatabaseConfig {
  const [one] = loadText('dbs: [{path: /data/station.db, replica: {path: /backup}}]').databases;
  if (one === undefined) throw new Error('no database');
  return { ...one, replicas };
}
