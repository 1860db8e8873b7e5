import { StationError } from '../errors.ts';
import type { LookupVariable } from './expand-variables.ts';
import { type Folders, resolvePath } from './resolve-path.ts';

export interface ConfigFile {
  readonly path: string;
  readonly text: string;
}

/** Looked for in this order where neither flag nor LITESTREAM_CONFIG names a file. */
const usualPlaces = ['/config/litestream.yml', '/etc/litestream.yml', '~/.config/station/litestream.yml'];

/**
 * The config file: `--config`, `LITESTREAM_CONFIG`, else the first of the usual places that exists; undefined if none.
 *
 * @throws StationError CONFIG_NOT_FOUND if the one that was named is not there, or one that is there cannot be read
 */
export function findConfigFile(
  flag: string | undefined,
  lookup: LookupVariable,
  context: Folders & { readonly readFile: (path: string) => string | undefined },
): ConfigFile | undefined {
  const named = flag || lookup('LITESTREAM_CONFIG') || undefined;
  for (const place of named === undefined ? usualPlaces : [named]) {
    const path = resolvePath(place, context);
    const text = readOrFail(path, context.readFile);
    if (text !== undefined) return { path, text };
  }
  if (named === undefined) return undefined;
  const by = flag ? '--config' : 'LITESTREAM_CONFIG';
  throw new StationError(
    'CONFIG_NOT_FOUND',
    `${resolvePath(named, context)}: ${by} names this file, and it is not there`,
  );
}

function readOrFail(path: string, readFile: (path: string) => string | undefined): string | undefined {
  try {
    return readFile(path);
  } catch (cause) {
    throw new StationError('CONFIG_NOT_FOUND', `${path}: the config file cannot be read`, {
      cause,
      hint: 'check that it is a file, and that this user may read it',
    });
  }
}
