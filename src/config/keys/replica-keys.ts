import type { KeyPlace, KeyRule } from './key-rule.ts';
import {
  boolean,
  choice,
  count,
  group,
  honoured,
  inform,
  pause,
  period,
  retentionTime,
  syncInterval,
  text,
  texts,
  uploadRate,
} from './takes.ts';

const replica: readonly KeyPlace[] = ['replica'];
const replicaAndTop: readonly KeyPlace[] = ['replica', 'top'];

/** Keys of a replica, whatever its type. */
export const replicaKeys: readonly KeyRule[] = [
  {
    name: 'type',
    places: replica,
    takes: choice('s3', 'file', 'gcs', 'gs', 'abs', 'sftp', 'webdav', 'nats', 'oss'),
    treatment: honoured,
    meaning:
      'Kind of store; not needed with `url`. `s3`, `gcs` (or `gs`), `abs` and `file` work; the others are refused.',
  },
  {
    name: 'name',
    places: replica,
    takes: text,
    treatment: honoured,
    meaning: 'Its name in logs and for `-replica`. Default: the type, then `s3-2`, `s3-3`.',
  },
  {
    name: 'url',
    places: replica,
    takes: text,
    treatment: honoured,
    meaning:
      'Instead of `type`, `bucket` and `path`: `s3://bucket/path?region=…`, `gs://bucket/path`, `abs://account@container/path`, `file:///folder`, or a folder.',
  },
  {
    name: 'path',
    places: replica,
    takes: text,
    treatment: honoured,
    meaning: 'Path in the bucket; for `file`, the folder.',
  },
  {
    name: 'sync-interval',
    places: replicaAndTop,
    takes: syncInterval,
    treatment: honoured,
    meaning: 'Least time between two uploads while commits keep coming. Default 10s.',
  },
  {
    name: 'max-upload-rate',
    places: replicaAndTop,
    takes: uploadRate,
    treatment: honoured,
    meaning: 'Most bytes a second sent to it, such as `5MB`; not during the last sync. Default: no limit.',
  },
  {
    name: 'retention',
    places: replicaAndTop,
    takes: retentionTime,
    treatment: honoured,
    meaning: 'How far back a restore must be possible. Default 24h.',
  },
  {
    name: 'retention-check-interval',
    places: replicaAndTop,
    takes: period,
    treatment: honoured,
    meaning: 'How often what is older is deleted. Default 1h.',
  },
  {
    name: 'snapshot-interval',
    places: replicaAndTop,
    takes: period,
    treatment: honoured,
    meaning: 'Time between full copies. Default 24h.',
  },
  {
    name: 'validation-interval',
    places: replicaAndTop,
    takes: pause,
    treatment: honoured,
    meaning: 'Litestream’s name for `verify-interval`; 0 means never, and less than 1h means 1h.',
  },
  {
    name: 'verify-interval',
    places: replicaAndTop,
    takes: retentionTime,
    treatment: honoured,
    meaning: 'How often the replica is verified while replicating, as by `verify`; 1h to 8760h. Default: never.',
  },
  {
    name: 'monitor-interval',
    places: replica,
    takes: pause,
    treatment: inform('commits are noticed as they happen, not at intervals'),
    meaning: 'Belongs to the database; many files have it here.',
  },
  {
    name: 'max-sync-ltx-files',
    places: replicaAndTop,
    takes: count,
    treatment: inform('staged files are uploaded one after the other; memory does not grow with their number'),
    meaning: 'Most files in one sync.',
  },
  {
    name: 'auto-recover',
    places: replicaAndTop,
    takes: boolean,
    treatment: inform('a damaged staging folder leads to a new snapshot; the older history stays restorable'),
    meaning: 'Makes local state anew when it is damaged.',
  },
  {
    name: 'age',
    places: replicaAndTop,
    takes: group,
    treatment: honoured,
    meaning: 'Encryption with age, before anything is sent:',
  },
  {
    name: 'age.identities',
    places: replicaAndTop,
    takes: texts,
    treatment: honoured,
    meaning: 'Keys to decrypt with, `AGE-SECRET-KEY-1…`. Needed for encryption, former ones too.',
  },
  {
    name: 'age.recipients',
    places: replicaAndTop,
    takes: texts,
    treatment: honoured,
    meaning: 'Keys to encrypt for, `age1…`; one must belong to an identity. Default: the identities’ own.',
  },
];
