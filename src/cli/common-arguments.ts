import { StationError } from '../errors.ts';
import type { LogLevel } from '../observe/log.ts';
import type { GivenOptions } from './given-options.ts';
import type { commonOptions } from './option-table.ts';
import type { CommonOptions, InvokedAs } from './run-options.ts';

/** What surrounds a command line. */
export interface ArgumentContext {
  readonly invokedAs: InvokedAs;
  /** A look into the environment: `environmentLookup`. */
  readonly lookup: (name: string) => string | undefined;
}

/** What every verb that reads the configuration takes. */
export function commonOf(
  given: GivenOptions<keyof typeof commonOptions>,
  { invokedAs }: ArgumentContext,
): CommonOptions {
  const level = given.choice('logLevel', ['debug', 'info', 'warn', 'error']);
  return {
    invokedAs,
    config: given.text('config'),
    noExpandEnvironment: given.switch('noExpandEnvironment') ?? false,
    logFormat: given.choice('logFormat', ['logfmt', 'json', 'pretty']),
    logLevel: level?.toUpperCase() as LogLevel | undefined,
  };
}

/** What a verb is about, where that is one thing or all of them. @throws StationError USAGE for more than one */
export function onlyOperand(operands: readonly string[], usage: string, hint: string): string | undefined {
  const [subject, ...others] = operands;
  if (others.length === 0) return subject;
  throw new StationError('USAGE', usage, { hint });
}
