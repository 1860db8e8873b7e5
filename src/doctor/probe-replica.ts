import { access, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReplicaConfig } from '../config/config.ts';
import { bytes, type Milliseconds } from '../quantities.ts';
import { openStore, type StoreSettings } from '../storage/open-store.ts';
import { resolveS3Endpoint } from '../storage/s3/endpoint.ts';
import type { S3Provider } from '../storage/s3/providers.ts';
import type { StoreOptions } from '../storage/store-options.ts';
import { PROBE_FOLDER, probeSteps, startProbe } from './probe-steps.ts';
import type { ReplicaReport } from './report.ts';
import { runSteps } from './run-steps.ts';

/** S3 takes no smaller parts, but for the last. */
const SMALLEST_PART = bytes(5 * 1024 ** 2);

export interface ProbeLimits {
  readonly patience: Milliseconds;
  readonly wallClock: () => Milliseconds;
  readonly monotonicClock: () => Milliseconds;
  readonly settings?: StoreSettings;
}

/** Tries everything on one replica that replication will need, and leaves nothing behind that can be removed. */
export async function probeReplica(
  { name, store: options }: Pick<ReplicaConfig, 'name' | 'store'>,
  { patience, wallClock, monotonicClock, settings }: ProbeLimits,
): Promise<ReplicaReport> {
  const missing = await isMissingFolder(options);
  // What the store itself makes of a condition is what is asked here.
  const partSize = settings?.partSize ?? SMALLEST_PART;
  const store = await openStore(options, { ...settings, partSize, emulateCreateOnly: false });
  const doubtful = providerOf(options)?.createOnly !== 'honoured' && options.type === 's3';
  const probe = startProbe({ options, store, partSize: doubtful ? partSize : undefined, wallClock, monotonicClock });
  try {
    const steps = await runSteps(probeSteps, probe, { patience, monotonicClock });
    if (steps.some(({ step, outcome }) => step === 'put' && outcome.kind === 'failed')) {
      // It may have arrived all the same. That the put failed is said already.
      await store.delete([probe.key], AbortSignal.timeout(Math.min(patience, 2_000))).catch(() => {});
    }
    return { name, type: options.type, url: store.url, provider: providerOf(options)?.name, steps };
  } finally {
    await store.close();
    if (options.type === 'file') await removeEmptyFolders(options.path, missing);
  }
}

function providerOf(options: StoreOptions): S3Provider | undefined {
  return options.type === 's3' ? resolveS3Endpoint(options, process.env).provider : undefined;
}

async function isMissingFolder(options: StoreOptions): Promise<boolean> {
  if (options.type !== 'file') return false;
  return await access(options.path).then(
    () => false,
    () => true,
  );
}

/** A folder that holds something stays, and so does one that was there before. */
async function removeEmptyFolders(root: string, wasMissing: boolean): Promise<void> {
  await rmdir(join(root, PROBE_FOLDER)).catch(() => {});
  if (wasMissing) await rmdir(root).catch(() => {});
}
