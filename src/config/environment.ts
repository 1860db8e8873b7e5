import { isAbsolute, join } from 'node:path';
import { parse } from 'dotenv';
import { StationError } from '../errors.ts';
import type { LookupVariable } from './expand-variables.ts';

type Variables = Readonly<Record<string, string | undefined>>;

export interface EnvironmentContext {
  readonly environment: Variables;
  readonly workingDirectory: string;
  readonly readFile: (path: string) => string | undefined;
}

/**
 * A look into the environment, with `.env` of the working directory behind it: a variable that is set, be it to nothing,
 * is never taken from `.env`. In each of the two `NAME_FILE` may stand for `NAME`, as containers hand in secrets.
 *
 * The function returned throws StationError CONFIG_ENVIRONMENT where a file cannot be read, or where `NAME` and
 * `NAME_FILE` disagree: one of the two is stale, and which one is not for us to guess.
 */
export function environmentLookup(context: EnvironmentContext): LookupVariable {
  const dotEnv = readDotEnv(context);
  return (name) => valueIn(context.environment, name, context) ?? valueIn(dotEnv, name, context);
}

function readDotEnv(context: EnvironmentContext): Variables {
  const path = join(context.workingDirectory, '.env');
  const text = readText(path, context, () => `${path} cannot be read`);
  return text === undefined ? {} : parse(text);
}

function valueIn(variables: Variables, name: string, context: EnvironmentContext): string | undefined {
  const own = Object.hasOwn(variables, name) ? variables[name] : undefined;
  const file = Object.hasOwn(variables, `${name}_FILE`) ? variables[`${name}_FILE`] : undefined;
  if (file === undefined || file === '') return own;
  const fromFile = valueFromFile(`${name}_FILE`, file, context);
  if (own !== undefined && own !== '' && own !== fromFile) {
    throw new StationError('CONFIG_ENVIRONMENT', `${name} and ${name}_FILE are both set, to different values`, {
      hint: `unset one of the two`,
    });
  }
  return fromFile;
}

function valueFromFile(variable: string, file: string, context: EnvironmentContext): string {
  const path = isAbsolute(file) ? file : join(context.workingDirectory, file);
  const text = readText(path, context, () => `${variable}: ${file} cannot be read`);
  if (text === undefined) {
    throw new StationError('CONFIG_ENVIRONMENT', `${variable}: there is no file ${file}`, {
      hint: 'mount the secret at this path, or correct the variable',
    });
  }
  return text.replace(/\r?\n$/, '');
}

function readText(path: string, context: EnvironmentContext, message: () => string): string | undefined {
  try {
    return context.readFile(path);
  } catch (cause) {
    throw new StationError('CONFIG_ENVIRONMENT', message(), { cause, hint: 'check the path and the permissions' });
  }
}
