import { readFileSync, statSync } from 'node:fs';
import type { DatabaseConfig } from '../config/config.ts';
import type { Log } from '../observe/log.ts';
import type { Environment } from '../supervisor/environment.ts';
import { scrubEnvironment } from '../supervisor/scrub-environment.ts';
import { secretsOf } from './load.ts';

/** More than any credential needs. */
const largestSecretFile = 65_536;

/** What the child gets of this process's environment: all of it, or with `scrub` all but the replicas' credentials. */
export function childEnvironment(scrub: boolean, databases: readonly DatabaseConfig[], log: Log): Environment {
  if (!scrub) return process.env;
  const secrets = new Set(databases.flatMap(secretsOf));
  const { environment, kept } = scrubEnvironment(process.env, { secrets, readSecretFile });
  log.debug('kept from the command', { variables: kept.join(',') });
  return environment;
}

/** Anything that is not a small file that can be read holds no secret of ours: those have been read before. */
function readSecretFile(path: string): string | undefined {
  try {
    const stat = statSync(path);
    return stat.isFile() && stat.size <= largestSecretFile ? readFileSync(path, 'utf8') : undefined;
  } catch {
    return undefined;
  }
}
