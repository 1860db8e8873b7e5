import { stat } from 'node:fs/promises';
import { estimate } from '../cost/estimate.ts';
import { type Bytes, bytes } from '../quantities.ts';
import { type CostReport, costJson, costLines } from './cost-report.ts';
import { LEASE_DURATION } from './lease-duration.ts';
import { readConfig } from './load.ts';
import type { CostOptions } from './run-options.ts';

/** A commit of a few rows: some pages of 4 KiB, compressed. */
const SYNC_SIZE = bytes(16 * 1024);

/** Tells what the config costs a month; asks no store anything. Resolves to the exit status. */
export async function costCommand(options: CostOptions): Promise<number> {
  const config = readConfig(options);
  const syncSize = options.syncSize ?? SYNC_SIZE;
  const lease = options.lease === 'off' ? undefined : (options.leaseDuration ?? LEASE_DURATION);
  const sizes = await Promise.all(config.databases.map(({ path }) => sizeOf(path, options.size)));
  const estimates = estimate({
    databases: config.databases.map((database, index) => ({
      config: database,
      size: sizes[index]?.size ?? bytes(0),
    })),
    syncSize,
    lease,
    environment: process.env,
  });
  const report: CostReport = {
    syncSize,
    lease,
    databases: config.databases.map((database, index) => ({
      path: database.path,
      size: sizes[index] ?? { size: bytes(0), from: 'nothing' },
      replicas: estimates[index] ?? [],
      notConfigured: database.notConfigured,
    })),
  };
  const text = options.json ? JSON.stringify(costJson(report)) : costLines(report).join('\n');
  process.stdout.write(`${text}\n`);
  return 0;
}

/** What was asked for, else what the database has now; its WAL is left out, for it comes and goes. */
async function sizeOf(path: string, asked: Bytes | undefined): Promise<CostReport['databases'][number]['size']> {
  if (asked !== undefined) return { size: asked, from: 'option' };
  try {
    return { size: bytes((await stat(path)).size), from: 'file' };
  } catch {
    // Not there, or not for us to see: the report says that its size is not known.
    return { size: bytes(0), from: 'nothing' };
  }
}
