import type { KeyPlace, KeyRule } from './key-rule.ts';
import { anyInteger, boolean, count, honoured, inform, map, maps, pause, refuse, text } from './takes.ts';

const database: readonly KeyPlace[] = ['database'];
const checkpoints = 'checkpoints are made whenever the application pauses; no setting is needed';

/** Keys of one database. */
export const databaseKeys: readonly KeyRule[] = [
  {
    name: 'path',
    places: database,
    takes: text,
    treatment: honoured,
    meaning: 'The SQLite file; `~`, relative paths and `sqlite://` are understood. Required.',
  },
  {
    name: 'replicas',
    places: database,
    takes: maps('replica'),
    treatment: honoured,
    meaning: 'Where it is replicated.',
  },
  {
    name: 'replica',
    places: database,
    takes: map('replica'),
    treatment: honoured,
    meaning: 'The same, for a single one.',
  },
  {
    name: 'meta-path',
    places: database,
    takes: text,
    treatment: honoured,
    meaning:
      'The staging folder; with `dir`, the folder of them. Default `.<database name>-litestream` beside the database.',
  },
  {
    name: 'restore-if-db-not-exists',
    places: database,
    takes: boolean,
    treatment: refuse('a missing database is always restored; remove the line', 'true'),
    meaning: 'Restores a missing database at the start.',
  },
  {
    name: 'monitor-interval',
    places: database,
    takes: pause,
    treatment: inform('commits are noticed as they happen, not at intervals'),
    meaning: 'How often the WAL is looked at.',
  },
  {
    name: 'checkpoint-interval',
    places: database,
    takes: pause,
    treatment: inform(checkpoints),
    meaning: 'Longest time between checkpoints.',
  },
  {
    name: 'min-checkpoint-page-count',
    places: database,
    takes: count,
    treatment: inform(checkpoints),
    meaning: 'WAL pages from which on a checkpoint is tried.',
  },
  {
    name: 'max-checkpoint-page-count',
    places: database,
    takes: count,
    treatment: inform(checkpoints),
    meaning: 'Litestream 0.3: WAL pages from which on a checkpoint blocks writers.',
  },
  {
    name: 'truncate-page-n',
    places: database,
    takes: count,
    treatment: inform(checkpoints),
    meaning: 'Litestream 0.5: WAL pages from which on the WAL is truncated.',
  },
  {
    name: 'busy-timeout',
    places: database,
    takes: pause,
    treatment: inform('a locked database is tried again by itself, without holding up the application'),
    meaning: 'How long to wait for a lock.',
  },
  {
    name: 'max-sync-wal-bytes',
    places: database,
    takes: anyInteger,
    treatment: inform('the WAL is read in pieces; memory does not grow with it'),
    meaning: 'Most WAL bytes in one sync.',
  },
  {
    name: 'dir',
    places: database,
    takes: text,
    treatment: honoured,
    meaning: 'Instead of `path`: a folder, each of whose databases is replicated below the paths of the replicas.',
  },
  {
    name: 'pattern',
    places: database,
    takes: text,
    treatment: honoured,
    meaning: 'With `dir`: the names of its databases, as in `*.db`. Required there.',
  },
  {
    name: 'recursive',
    places: database,
    takes: boolean,
    treatment: honoured,
    meaning: 'With `dir`: its subfolders too. Default `false`.',
  },
  {
    name: 'watch',
    places: database,
    takes: boolean,
    treatment: honoured,
    meaning: 'With `dir`: databases that appear while the command runs, too. Default `false`.',
  },
  {
    name: 'meta-dir',
    places: database,
    takes: text,
    treatment: honoured,
    meaning: 'With `dir`: the folder of the staging folders, each `<relative path>-litestream`.',
  },
];
