import type { ConfigNote } from './config.ts';
import type { ConfigErrorCode, Problem, Where } from './problem.ts';

/** What reading a config gathers on its way: everything wrong, and everything worth a note. */
export interface ConfigReading {
  readonly problems: Problem[];
  readonly notes: ConfigNote[];
}

export const startReading = (): ConfigReading => ({ problems: [], notes: [] });

export function addProblem(
  reading: ConfigReading,
  where: Where,
  code: ConfigErrorCode,
  message: string,
  hint: string,
): void {
  const repeated = reading.problems.some((one) => one.where.text === where.text && one.message === message);
  if (!repeated) reading.problems.push({ where, code, message, hint });
}

/** A note of the same words is given once, at its first place: ten replicas do not need it ten times. */
export function addNote(reading: ConfigReading, level: ConfigNote['level'], where: Where, message: string): void {
  if (reading.notes.some((note) => note.message === message)) return;
  reading.notes.push({ level, where: where.text, message });
}
