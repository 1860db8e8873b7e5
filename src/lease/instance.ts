import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { replaceFile } from '../durable-file.ts';
import { StationError } from '../errors.ts';
import type { Environment } from '../supervisor/environment.ts';
import { detectPlatform } from '../supervisor/platform.ts';
import type { Instance } from './judge-lease.ts';
import type { Service } from './lease-record.ts';

/** What the platform tells of this container; `task` from the metadata of ECS. */
export interface Surroundings {
  readonly environment: Environment;
  readonly hostname: string;
  readonly pid: number;
  /** Of the machine, new at each boot; undefined where the kernel does not tell. */
  readonly bootId: string | undefined;
  readonly task: { readonly arn: string; readonly family: string; readonly service: string | undefined } | undefined;
}

/** Who this process is in a lease, as far as disk and platform tell. */
export function instanceOf(disk: string, around: Surroundings): Instance {
  return { disk, place: placeOf(around), owner: `${around.hostname}:${around.pid}`, service: serviceOf(around) };
}

/**
 * The container as its platform names it: the same after a crash and a restart in place, never that of two containers
 * that run at once. A host name on plain Docker or a bare machine is no such name: people copy machines.
 */
function placeOf({ environment, hostname: host, bootId, task }: Surroundings): string | undefined {
  const name = nameOnPlatform(environment, host, task);
  return name === undefined || bootId === undefined ? undefined : `${name}@${bootId}`;
}

function nameOnPlatform(environment: Environment, host: string, task: Surroundings['task']): string | undefined {
  const given = (variable: string) => environment[variable] || undefined;
  switch (detectPlatform(environment).name) {
    case 'azure-container-apps': {
      const replica = given('CONTAINER_APP_REPLICA_NAME');
      return replica && `azure-container-apps/${given('CONTAINER_APP_NAME')}/${replica}`;
    }
    case 'kubernetes': {
      const pod = given('POD_UID') ?? given('POD_NAME') ?? given('HOSTNAME') ?? host;
      return `kubernetes/${given('POD_NAMESPACE') ?? ''}/${pod}`;
    }
    case 'ecs':
      return task && `ecs/${task.arn}`;
    default:
      // Cloud Run tells the revision, but not which of its instances this is: that takes a request to its metadata.
      return undefined;
  }
}

/** `STATION_SERVICE` wins, on any platform. */
function serviceOf({ environment, hostname: host, task }: Surroundings): Service | undefined {
  const platform = detectPlatform(environment).name;
  const named = (name: string | undefined): Service | undefined =>
    name === undefined || name === '' ? undefined : { platform, name };
  const given = environment['STATION_SERVICE'];
  if (given) return named(given);
  switch (platform) {
    case 'azure-container-apps':
      return named(environment['CONTAINER_APP_NAME']);
    case 'cloud-run':
      return named(environment['K_SERVICE']);
    case 'kubernetes':
      return named(kubernetesService(environment, environment['POD_NAME'] || environment['HOSTNAME'] || host));
    case 'ecs':
      return named(task && (task.service ?? task.family));
    default:
      return undefined;
  }
}

/**
 * A Deployment's pods are called `<name>-<hash of the template>-<five letters>`, both parts of the letters and digits
 * that Kubernetes makes names of. A StatefulSet's are not, and there is never more than one of the same name.
 */
function kubernetesService(environment: Environment, pod: string): string | undefined {
  const name = /^(.+)-[bcdfghjklmnpqrstvwxz2456789]{6,10}-[bcdfghjklmnpqrstvwxz2456789]{5}$/.exec(pod)?.[1];
  return name && `${environment['POD_NAMESPACE'] ?? ''}/${name}`;
}

/**
 * The random name of this disk, made at its first use.
 * @throws StationError STAGING_FAILED
 */
export async function diskIdentity(path: string): Promise<string> {
  try {
    const saved = (await readFile(path, 'utf8').catch(ignoreMissing)).trim();
    if (/^[0-9a-f-]{36}$/.test(saved)) return saved;
    const made = randomUUID();
    await replaceFile(path, `${made}\n`);
    return made;
  } catch (cause) {
    throw new StationError('STAGING_FAILED', `cannot read or make ${path}: ${String(cause)}`, { cause });
  }
}

/** Asks the machine, and on ECS the metadata server, which answers within milliseconds or is not asked again. */
export async function lookAround(environment: Environment): Promise<Surroundings> {
  const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(ignoreMissing);
  const metadata = environment['ECS_CONTAINER_METADATA_URI_V4'];
  return {
    environment,
    hostname: hostname(),
    pid: process.pid,
    bootId: bootId.trim() || undefined,
    task: metadata ? await readTask(`${metadata}/task`) : undefined,
  };
}

const METADATA_PATIENCE = 1_000;

async function readTask(url: string): Promise<Surroundings['task']> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(METADATA_PATIENCE) });
    const told = (await response.json()) as { TaskARN?: unknown; Family?: unknown; ServiceName?: unknown };
    if (typeof told.TaskARN !== 'string' || typeof told.Family !== 'string') return undefined;
    const service = typeof told.ServiceName === 'string' ? told.ServiceName : undefined;
    return { arn: told.TaskARN, family: told.Family, service };
  } catch {
    // Without it the instance is known by its disk alone: a restart on an empty one waits for the lease to expire.
    return undefined;
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return '';
  throw error;
}
