import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NamedReplica } from '../../src/restore/restore-target.ts';
import { verifyReplica } from '../../src/verify/verify-replica.ts';

/** Verifies one replica, with no database to compare it with; what it restores for that is removed. */
export async function verifyOnce(replica: NamedReplica, effort: 'read' | 'restore') {
  const folder = mkdtempSync(join(tmpdir(), 'verify-'));
  try {
    return await verifyReplica({
      replica,
      effort,
      timestamp: undefined,
      folder,
      reference: { kind: 'none', why: 'there is none' },
      parallelism: 4,
      priority: 'normal',
      signal: new AbortController().signal,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
