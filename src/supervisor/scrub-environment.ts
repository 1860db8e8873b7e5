import type { Environment } from './environment.ts';

export interface ScrubOptions {
  /** Values that the configuration uses as secrets, wherever they came from. */
  readonly secrets: ReadonlySet<string>;
  /** The content of the file that a `NAME_FILE` variable names; undefined where there is none, or it is not small. */
  readonly readSecretFile: (path: string) => string | undefined;
}

export interface ScrubbedEnvironment {
  readonly environment: Environment;
  /** Names of the variables that were taken out, sorted. */
  readonly kept: readonly string[];
}

/** Everything of Litestream's is for the supervisor; of the clouds' variables only those that carry or lead to credentials. */
const ours = /^LITESTREAM_/;
const cloudCredential =
  /^(?:AWS|AZURE|GOOGLE|GCP|GCLOUD|CLOUDSDK)_(?:.*_)?(?:KEY|SECRET|TOKEN|PASSWORD|CREDENTIALS?|CERTIFICATE|CONNECTION_STRING|SAS)(?:_.*)?$/;

/**
 * The environment without the secrets that the supervisor alone needs: Litestream's variables, the clouds' credentials,
 * and whatever variable holds a value that the configuration uses as a secret, itself or in the file it names.
 */
export function scrubEnvironment(environment: Environment, options: ScrubOptions): ScrubbedEnvironment {
  const kept = Object.keys(environment).filter((name) => isSecret(name, environment[name] ?? '', options));
  const left = Object.entries(environment).filter(([name]) => !kept.includes(name));
  return { environment: Object.fromEntries(left), kept: kept.sort() };
}

function isSecret(name: string, value: string, { secrets, readSecretFile }: ScrubOptions): boolean {
  if (ours.test(name) || cloudCredential.test(name)) return true;
  if (value === '') return false;
  if (secrets.has(value)) return true;
  if (!name.endsWith('_FILE')) return false;
  const content = readSecretFile(value);
  return content !== undefined && secrets.has(content.replace(/\r?\n$/, ''));
}
