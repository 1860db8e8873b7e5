import { stat } from 'node:fs/promises';
import { type Milliseconds, milliseconds } from '../../quantities.ts';
import type { ReplicaReport } from '../../restore/ask-replicas.ts';
import { describePoint, describeTime } from '../../restore/describe.ts';
import type { StagingContent } from '../staging/staging.ts';

/** What the Litestream 0.3 backups that replicas have newest mean for a database that is here. */
export interface OldBackups {
  /** A line for each that holds writes of later than the last to the database. */
  readonly ahead: readonly string[];
  /** The store's time of the newest of them; 0 where there is none. */
  readonly latest: Milliseconds;
}

export const noOldBackups: OldBackups = { ahead: [], latest: milliseconds(0) };

/** Clocks of machine and store may differ so much, and an upload take so long, without a backup counting as ahead. */
const TOLERANCE = 60_000;

/**
 * Holds the backups against the last write to the database file: nothing inside them, nor here, tells which commits they
 * hold. Who comes from Litestream 0.3 on the same volume has written later than the backup.
 */
export async function lookAtOldBackups(reports: readonly ReplicaReport[], database: string): Promise<OldBackups> {
  const written = await lastWriteTo(database);
  const ahead: string[] = [];
  let latest = 0;
  for (const { answer } of reports) {
    if (answer.kind !== 'holds' || answer.position.format === undefined) continue;
    const { position } = answer;
    latest = Math.max(latest, position.timestamp);
    if ((position.walTimestamp ?? 0) <= written + TOLERANCE) continue;
    ahead.push(
      `replica ${answer.replica} is ahead: it holds ${describePoint(position)} of ${describeTime(position.timestamp)}, ` +
        `and the database here was last written to at ${describeTime(written)}`,
    );
  }
  return { ahead, latest: milliseconds(latest) };
}

/** The next file gets a later time than the backup, so that the newest is the latest, wherever a restore looks. */
export function laterThan(latest: Milliseconds, content: StagingContent): StagingContent {
  if (content.position.timestamp >= latest) return content;
  return { ...content, position: { ...content.position, timestamp: latest } };
}

async function lastWriteTo(database: string): Promise<Milliseconds> {
  const times = await Promise.all(
    [database, `${database}-wal`].map(async (path) => {
      try {
        return (await stat(path)).mtimeMs;
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0;
        throw error;
      }
    }),
  );
  return milliseconds(Math.floor(Math.max(...times)));
}
