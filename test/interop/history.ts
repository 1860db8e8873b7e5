/** Lives of a database that grows, shrinks, is vacuumed and made again: what restores have to agree on. */
import { join } from 'node:path';
import { expect } from 'vitest';
import { node, type ReplicaSettings, type Site } from '../e2e/life.ts';

const sqlApp = join(import.meta.dirname, 'sql-app-process.ts');

export const rows = (count: number) =>
  `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
   INSERT INTO t (body) SELECT randomblob(abs(random()) % 3000) FROM n`;

export const newDatabase = (pageSize: number, autoVacuum: 'NONE' | 'FULL' | 'INCREMENTAL') =>
  `PRAGMA page_size = ${pageSize}; PRAGMA auto_vacuum = ${autoVacuum}; PRAGMA journal_mode = WAL;
   CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB); CREATE INDEX i ON t (length(body))`;

/** One run of the program, whose child runs these scripts. */
export async function live(
  site: Site,
  scripts: readonly string[],
  replicas: readonly ReplicaSettings[],
): Promise<void> {
  const life = site.startCommand([node, sqlApp, ...scripts], { replicas });
  const { code } = await life.ended;
  expect(code, life.log() + life.output()).toBe(0);
}

export interface LifeOfDatabase {
  readonly name: string;
  readonly scripts: readonly string[];
  /** The disk is lost before it. */
  readonly onEmptyDisk?: boolean;
}

/** In the order they are to be lived. */
export function livesOf(pageSize: number): readonly LifeOfDatabase[] {
  return [
    { name: 'first rows', scripts: [newDatabase(pageSize, 'INCREMENTAL'), rows(200)] },
    {
      name: 'growth',
      scripts: [rows(500), ':pause', 'UPDATE t SET body = randomblob(900) WHERE id % 7 = 0', rows(10)],
    },
    {
      name: 'deletes and a shrinking file',
      scripts: ['DELETE FROM t WHERE id % 3 > 0', ':pause', 'PRAGMA incremental_vacuum'],
      onEmptyDisk: true,
    },
    { name: 'VACUUM', scripts: ['DROP INDEX i', 'VACUUM'] },
    { name: 'growth again', scripts: [rows(300)], onEmptyDisk: true },
  ];
}
