import { type ErrorCode, StationError } from '../errors.ts';

/** A place in a config file, or `environment`. */
export interface Where {
  /** `file:line:column`, or `environment`. */
  readonly text: string;
  /** For sorting: places of one file in reading order. */
  readonly order: number;
}

export const inEnvironment: Where = { text: 'environment', order: 0 };

export type ConfigErrorCode = Extract<ErrorCode, `CONFIG_${string}`>;

export interface Problem {
  readonly where: Where;
  readonly code: ConfigErrorCode;
  readonly message: string;
  readonly hint: string;
}

/**
 * All that is wrong, as one error: a person at night wants to correct the file once, not once per mistake.
 * A single problem keeps its own hint; of several, each line carries its hint, and the first gives the code.
 */
export function problemsAsError(problems: readonly Problem[]): StationError {
  const sorted = problems.toSorted((a, b) => a.where.order - b.where.order);
  const [first] = sorted;
  if (first === undefined) throw new StationError('INTERNAL', 'no problem to report');
  if (sorted.length === 1) {
    return new StationError(first.code, `${first.where.text}: ${first.message}`, { hint: first.hint });
  }
  const lines = sorted.map(({ where, message, hint }) => `${where.text}: ${message} (${hint})`);
  return new StationError(first.code, lines.join('\n'), {
    hint: `correct these ${lines.length} places; docs/configuration.md lists every key`,
  });
}

/** Text from a file in a message: short, on one line. Never call it with a secret. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
