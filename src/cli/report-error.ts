import { errorTable, toStationError } from '../errors.ts';

export interface ErrorReport {
  /** For stderr. */
  readonly text: string;
  /** For stdout where JSON was asked for. */
  readonly json: string;
  readonly exitStatus: number;
}

/**
 * What a person or a script reads when a verb fails, and the exit status it leads to. A bug here shows its stack.
 * @param called the verb, as it was called: `litestream restore`
 */
export function reportError(thrown: unknown, called: string): ErrorReport {
  const error = toStationError(thrown);
  const { code, message, exitStatus } = error;
  const hint = error.hint === errorTable.USAGE.hint ? `run "${called} --help" for the options` : error.hint;
  const lines = [`error: ${message}`, `hint: ${hint}`];
  if (code === 'INTERNAL') lines.unshift(stackOf(error.cause ?? error));
  return { text: `${lines.join('\n')}\n`, json: `${JSON.stringify({ error: { code, message, hint } })}\n`, exitStatus };
}

/** Whether the words of a verb ask for JSON. They may be wrong otherwise, so they are looked at alone. */
export function asksForJson(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  return (end === -1 ? words : words.slice(0, end)).some((word) => /^--?json(=(true|1))?$/.test(word));
}

function stackOf(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? String(cause)) : String(cause);
}
