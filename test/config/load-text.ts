import type { Config } from '../../src/config/config.ts';
import { type ConfigFlags, loadConfig } from '../../src/config/load.ts';
import { isStationError, type StationError } from '../../src/errors.ts';

export interface Surroundings {
  readonly environment?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly flags?: ConfigFlags;
}

/** Loads this text as `/config/litestream.yml`, with nothing around it but what is given. */
export function loadText(text: string, around: Surroundings = {}): Config {
  return load({ ...around, files: { '/config/litestream.yml': text, ...around.files } });
}

export function load({ environment = {}, files = {}, flags = {} }: Surroundings): Config {
  return loadConfig({ flags, ...contextOf({ environment, files }) });
}

export function contextOf({ environment = {}, files = {} }: Surroundings) {
  return {
    environment,
    workingDirectory: '/work',
    homeDirectory: '/home/user',
    readFile: (path: string): string | undefined => (Object.hasOwn(files, path) ? files[path] : undefined),
  };
}

/** The error that loading this gives; fails if there is none, or one that is not ours. */
export function errorOf(run: () => unknown): StationError {
  let result: unknown;
  try {
    result = run();
  } catch (error) {
    if (isStationError(error)) return error;
    throw error;
  }
  throw new Error(`no error, but ${JSON.stringify(result)}`);
}

export const errorOfText = (text: string, around?: Surroundings): StationError => errorOf(() => loadText(text, around));

/** A config with one database and the replica lines given, each indented to its place. */
export function withReplica(...lines: readonly string[]): string {
  const [first = '', ...rest] = lines;
  return [
    'dbs:',
    '  - path: /data/station.db',
    '    replicas:',
    `      - ${first}`,
    ...rest.map((line) => `        ${line}`),
  ]
    .join('\n')
    .concat('\n');
}
