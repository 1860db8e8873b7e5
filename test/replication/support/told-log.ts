import type { Log, LogFields } from '../../../src/observe/log.ts';

export interface ToldLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
}

/** A log that keeps its lines. */
export function toldLog(): { readonly log: Log; readonly lines: readonly ToldLine[] } {
  const lines: ToldLine[] = [];
  const at =
    (level: ToldLine['level']) =>
    (message: string, fields: LogFields = {}) =>
      void lines.push({ level, message, fields });
  const log: Log = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: () => log,
  };
  return { log, lines };
}
