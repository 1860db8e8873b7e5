import type { LookupVariable } from './expand-variables.ts';
import type { Where } from './problem.ts';
import type { MapEntry, MapTree, TextTree } from './tree.ts';

const s3Keys = [
  'bucket',
  'path',
  'region',
  'endpoint',
  'access-key-id',
  'secret-access-key',
  'session-token',
  'force-path-style',
  'skip-verify',
  'storage-class',
];

const gcsKeys = ['bucket', 'path', 'service-account-json-path', 'service-account-json', 'endpoint'];

const absKeys = ['bucket', 'path', 'account-name', 'account-key', 'sas-token', 'connection-string', 'endpoint'];

/** Kinds of replica that variables alone can configure; the first key is the one that does. */
const kinds: readonly { readonly prefix: string; readonly type: string; readonly keys: readonly string[] }[] = [
  { prefix: 'LITESTREAM_S3', type: 's3', keys: s3Keys },
  { prefix: 'LITESTREAM_GCS', type: 'gcs', keys: gcsKeys },
  { prefix: 'LITESTREAM_ABS', type: 'abs', keys: absKeys },
  { prefix: 'LITESTREAM_FILE', type: 'file', keys: ['path'] },
];

/** The variables that would configure a replica of a type that works. */
export const replicaVariables: readonly string[] = [
  'LITESTREAM_S3_BUCKET',
  'LITESTREAM_GCS_BUCKET',
  'LITESTREAM_ABS_BUCKET',
  'LITESTREAM_FILE_PATH',
];

/** Where the database is when nothing says it. */
const defaultDatabasePath = '/data/station.db';
/** Path in a bucket when no variable says it: the one in the replication guide, so that either way finds the other's. */
const defaultReplicaPath = 'station-db';

/** The one database that the environment describes, in the shape of an entry of `dbs`. */
export function databaseFromEnvironment(lookup: LookupVariable): MapTree {
  const where = whereOf('STATION_DATABASE');
  const replicas = kinds.flatMap((kind) => replicaFromEnvironment(kind, lookup));
  return mapOf(where, [
    ['path', textOf(lookup('STATION_DATABASE') || defaultDatabasePath, where)],
    ['replicas', { kind: 'list', where, items: replicas }],
  ]);
}

function replicaFromEnvironment({ prefix, type, keys }: (typeof kinds)[number], lookup: LookupVariable): MapTree[] {
  const variableOf = (key: string): string => `${prefix}_${key.replaceAll('-', '_').toUpperCase()}`;
  const [first = ''] = keys;
  if (!lookup(variableOf(first))) return [];
  const where = whereOf(variableOf(first));
  const entries: [string, TextTree][] = [['type', textOf(type, where)]];
  for (const key of keys) {
    const value = lookup(variableOf(key)) || (key === 'path' ? defaultReplicaPath : '');
    entries.push([key, textOf(value, whereOf(variableOf(key)))]);
  }
  for (const [key, variable] of [
    ['sync-interval', 'LITESTREAM_SYNC_INTERVAL'],
    ['retention', 'LITESTREAM_RETENTION'],
  ] as const) {
    entries.push([key, textOf(lookup(variable) ?? '', whereOf(variable))]);
  }
  return [mapOf(where, entries)];
}

function whereOf(variable: string): Where {
  return { text: `environment ${variable}`, order: 0 };
}

export function textOf(text: string, where: Where): TextTree {
  return { kind: 'text', text, template: text, where, unset: [], empty: [] };
}

export function mapOf(where: Where, entries: readonly (readonly [string, MapEntry['value']])[]): MapTree {
  return {
    kind: 'map',
    where,
    entries: new Map(entries.map(([name, value]) => [name, { where: value.where, value }])),
  };
}
