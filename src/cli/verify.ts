import { statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import type { Config, DatabaseConfig } from '../config/config.ts';
import { toStationError } from '../errors.ts';
import { milliseconds } from '../quantities.ts';
import { stagingFolderAt } from '../replication/staging/staging-folder.ts';
import { findReference } from '../verify/find-reference.ts';
import { isSound } from '../verify/findings.ts';
import type { ReferenceResult } from '../verify/reference.ts';
import { verifyReplica } from '../verify/verify-replica.ts';
import { withWorkFolder } from '../verify/work-folder.ts';
import { type Chosen, chooseReplicas, withStores } from './chosen-replicas.ts';
import type { VerifyOptions } from './inspect-options.ts';
import { stopSignals } from './stop-signals.ts';
import { type VerifiedReplica, verifyJson, verifyLines } from './verify-report.ts';

/** Exit status where a replica is not sound. */
const UNSOUND = 69;
const PARALLELISM = 8;
const SYNC_TIMEOUT = milliseconds(30_000);

/** Verifies replicas, one after the other. Resolves to the exit status. */
export async function verifyCommand(options: VerifyOptions): Promise<number> {
  const { chosen, config } = chooseReplicas(options);
  const signal = stopSignals();
  const verified: VerifiedReplica[] = [];
  const tell = (one: VerifiedReplica) => {
    verified.push(one);
    // It may take an hour until the next.
    if (!options.json) process.stdout.write(`${verifyLines(one).join('\n')}\n`);
  };
  const withReplicas = chosen.filter(({ replicas }) => replicas.length > 0);
  for (const one of withReplicas) await verifyDatabase(one, config, options, tell, signal);
  if (options.json) process.stdout.write(`${JSON.stringify(verified.map(verifyJson), undefined, 2)}\n`);
  return verified.every(({ findings }) => isSound(findings)) ? 0 : UNSOUND;
}

async function verifyDatabase(
  { database, replicas }: Chosen,
  config: Config | undefined,
  options: VerifyOptions,
  tell: (verified: VerifiedReplica) => void,
  signal: AbortSignal,
): Promise<void> {
  const { effort, timestamp } = options;
  await withWorkFolder(workRootOf(database, options), async (folder) => {
    const reference = await referenceFor(database, config, options, folder, signal);
    await withStores(replicas, async (opened) => {
      for (const replica of opened) {
        const job = {
          replica,
          effort,
          timestamp,
          folder,
          reference,
          parallelism: PARALLELISM,
          priority: 'normal',
        } as const;
        tell({ database: database?.path, findings: await verifyReplica({ ...job, signal }) });
      }
    });
  });
}

/** On the disk of the database, which has the room, if that is here. */
function workRootOf(database: DatabaseConfig | undefined, { temporaryFolder, effort }: VerifyOptions): string {
  if (temporaryFolder !== undefined) return temporaryFolder;
  if (database === undefined || effort !== 'restore') return tmpdir();
  const own = dirname(stagingFolderAt(database.stagingFolder).lock);
  return statSync(own, { throwIfNoEntry: false }) === undefined ? tmpdir() : own;
}

async function referenceFor(
  database: DatabaseConfig | undefined,
  config: Config | undefined,
  options: VerifyOptions,
  folder: string,
  signal: AbortSignal,
): Promise<ReferenceResult> {
  if (database === undefined) return { kind: 'none', why: 'a replica named by its URL has none' };
  if (options.effort !== 'restore' || options.timestamp !== undefined) return { kind: 'none', why: 'not asked for' };
  const staging = stagingFolderAt(database.stagingFolder);
  const configured = config?.socket.enabled === true ? (config.socket.path ?? staging.socket) : undefined;
  const socket = options.socket ?? configured;
  const timeout = options.timeout ?? SYNC_TIMEOUT;
  try {
    return await findReference({ database: database.path, staging, socket, timeout, folder }, signal);
  } catch (error) {
    signal.throwIfAborted();
    return { kind: 'none', why: toStationError(error).message };
  }
}
