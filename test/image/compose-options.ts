import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { checkout } from './container-engine.ts';

export interface ComposeService {
  readonly image: string;
  readonly build: {
    readonly context: string;
    readonly target: string;
    readonly args: Readonly<Record<string, string>>;
  };
  readonly environment: Readonly<Record<string, string | null>>;
  readonly volumes: readonly string[];
  readonly tmpfs: readonly string[];
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
  readonly read_only: boolean;
  readonly init: boolean;
  readonly stop_grace_period: string;
  readonly healthcheck: { readonly test: readonly string[] };
}

export interface ComposeFile {
  readonly services: { readonly station: ComposeService };
  readonly volumes: Readonly<Record<string, unknown>>;
}

export const composeFile = parse(readFileSync(join(checkout, 'docker-compose.production.yml'), 'utf8')) as ComposeFile;

/** What the Compose file asks for, as podman's own options. `volumes`: its named volumes; folders beside it are left out. */
export function composeOptions(volumes: Readonly<Record<string, string>>): readonly string[] {
  const { environment, tmpfs, cap_drop, security_opt, read_only, init, volumes: mounts } = composeFile.services.station;
  const named = mounts.map((mount) => mount.split(':')).filter(([source = '']) => !source.startsWith('.'));
  return [
    `--init=${init}`,
    ...(read_only ? ['--read-only', '--read-only-tmpfs=false'] : []),
    ...Object.entries(environment).flatMap(([name, value]) => (value === null ? [] : ['--env', `${name}=${value}`])),
    ...named.flatMap(([source = '', ...rest]) => ['--volume', [volumes[source], ...rest].join(':')]),
    ...tmpfs.flatMap((mount) => ['--tmpfs', mount]),
    ...cap_drop.map((name) => `--cap-drop=${name}`),
    ...security_opt.map((option) => `--security-opt=${option}`),
  ];
}
