import { toStationError } from '../errors.ts';

export interface ErrorReport {
  /** For stderr. */
  readonly text: string;
  readonly exitStatus: number;
}

/** What a person reads when a verb fails, and the exit status it leads to. A bug here shows its stack. */
export function reportError(thrown: unknown): ErrorReport {
  const error = toStationError(thrown);
  const lines = [`error: ${error.message}`, `hint: ${error.hint}`];
  if (error.code === 'INTERNAL') lines.unshift(stackOf(error.cause ?? error));
  return { text: `${lines.join('\n')}\n`, exitStatus: error.exitStatus };
}

function stackOf(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? String(cause)) : String(cause);
}
