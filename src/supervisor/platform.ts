import { type Milliseconds, milliseconds } from '../quantities.ts';
import type { Environment } from './environment.ts';

export interface Platform {
  readonly name: string;
  /** What it gives a container between the stop signal and SIGKILL, unless it is told otherwise. */
  readonly stopTimeout: Milliseconds;
  /** What an operator must know of the way it stops. */
  readonly warning?: string;
}

interface PlatformSign extends Platform {
  readonly variable: string;
  /** What its value begins with; undefined: anything. */
  readonly prefix?: string;
}

/**
 * Variables that each platform sets, the first that is there decides. Container Apps and Knative run on Kubernetes,
 * so they come first where their time differs; Cloud Run gives 10 s, and cannot be told otherwise.
 *
 * None tells a container what time it was configured to give: not Kubernetes' terminationGracePeriodSeconds, not ECS'
 * stopTimeout (the task metadata has no such field), not Compose's stop_grace_period. So these are their defaults.
 */
const signs: readonly PlatformSign[] = [
  { variable: 'CONTAINER_APP_NAME', name: 'azure-container-apps', stopTimeout: milliseconds(30_000) },
  { variable: 'KUBERNETES_SERVICE_HOST', name: 'kubernetes', stopTimeout: milliseconds(30_000) },
  { variable: 'ECS_CONTAINER_METADATA_URI_V4', name: 'ecs', stopTimeout: milliseconds(30_000) },
  { variable: 'K_SERVICE', name: 'cloud-run', stopTimeout: milliseconds(10_000) },
  { variable: 'CLOUD_RUN_JOB', name: 'cloud-run', stopTimeout: milliseconds(10_000) },
  {
    variable: 'Fabric_ApplicationName',
    prefix: 'caas-',
    name: 'azure-container-instances',
    stopTimeout: milliseconds(10_000),
    warning: 'this platform may kill the container without a signal: what was not synced by then is lost',
  },
  { variable: 'FLY_APP_NAME', name: 'fly', stopTimeout: milliseconds(5_000) },
];

/** Docker's ten seconds, and Compose's and Podman's, which set no variable. */
const otherwise: Platform = { name: 'docker', stopTimeout: milliseconds(10_000) };

export function detectPlatform(environment: Environment): Platform {
  return signs.find(({ variable, prefix = '' }) => isSign(environment[variable] ?? '', prefix)) ?? otherwise;
}

function isSign(value: string, prefix: string): boolean {
  return value !== '' && value.startsWith(prefix);
}
