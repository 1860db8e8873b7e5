import type { AttachedDatabase } from './attached-database.ts';
import { pageSizeOf } from './database-file.ts';
import type { KnownState, PageChecksumSource } from './follower.ts';
import type { WalPosition } from './wal-position.ts';
import { isProven } from './wal-reader.ts';

/** Every page, or those that differ from what is known, must be read before the WAL can be followed. */
export type Baseline =
  | { readonly why: 'first' | 'new-database' }
  | { readonly why: 'downtime'; readonly checksums: PageChecksumSource };

/** How following a database begins. */
export type StartState =
  | { readonly kind: 'baseline'; readonly baseline: Baseline }
  | {
      readonly kind: 'go-on';
      /** Undefined: at the first frame of whatever WAL there is. */
      readonly position: WalPosition | undefined;
      readonly commit: number;
      /** What to do instead if frames turn out to be lost. */
      readonly otherwise: Baseline;
    };

/** Decides, with a read mark held, whether the WAL alone leads from what is known to what is there. */
export function startState(known: KnownState, database: AttachedDatabase): StartState {
  const pageSize = pageSizeOf(database.databaseFile);
  switch (known.kind) {
    case 'nothing':
      return { kind: 'baseline', baseline: { why: 'first' } };
    case 'restored':
      // The chain's page size is fixed, so another one means that this is not the file we put there.
      if (pageSize !== known.pageSize) return { kind: 'baseline', baseline: { why: 'new-database' } };
      return { kind: 'go-on', position: undefined, commit: known.commit, otherwise: { why: 'first' } };
    case 'earlier': {
      const otherwise = compareOrReadAll(known.checksums, pageSize);
      const { position, commit } = known;
      if (position === undefined || !isProven(position, database.walFile, database.index())) {
        return { kind: 'baseline', baseline: otherwise };
      }
      return { kind: 'go-on', position, commit, otherwise };
    }
  }
}

function compareOrReadAll(checksums: PageChecksumSource | undefined, pageSize: number | undefined): Baseline {
  if (checksums === undefined) return { why: 'first' };
  return checksums.pageSize === pageSize ? { why: 'downtime', checksums } : { why: 'new-database' };
}
