import { type Milliseconds, milliseconds } from '../quantities.ts';
import type { Environment } from './environment.ts';

export interface Platform {
  readonly name: string;
  /** What it gives a container between the stop signal and SIGKILL, unless it is told otherwise. */
  readonly stopTimeout: Milliseconds;
}

interface PlatformSign extends Platform {
  readonly variable: string;
}

/**
 * Variables that each platform sets, the first that is there decides. Container Apps and Knative run on Kubernetes,
 * so they come first where their time differs; Cloud Run gives 10 s, and cannot be told otherwise.
 */
const signs: readonly PlatformSign[] = [
  { variable: 'CONTAINER_APP_NAME', name: 'azure-container-apps', stopTimeout: milliseconds(30_000) },
  { variable: 'KUBERNETES_SERVICE_HOST', name: 'kubernetes', stopTimeout: milliseconds(30_000) },
  { variable: 'ECS_CONTAINER_METADATA_URI_V4', name: 'ecs', stopTimeout: milliseconds(30_000) },
  { variable: 'K_SERVICE', name: 'cloud-run', stopTimeout: milliseconds(10_000) },
  { variable: 'CLOUD_RUN_JOB', name: 'cloud-run', stopTimeout: milliseconds(10_000) },
  { variable: 'FLY_APP_NAME', name: 'fly', stopTimeout: milliseconds(5_000) },
];

/** Docker's ten seconds; Azure Container Instances promises nothing and says nothing of itself. */
const otherwise: Platform = { name: 'docker', stopTimeout: milliseconds(10_000) };

export function detectPlatform(environment: Environment): Platform {
  return signs.find(({ variable }) => (environment[variable] ?? '') !== '') ?? otherwise;
}
