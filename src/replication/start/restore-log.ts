import type { Log } from '../../observe/log.ts';
import { bytes, type Milliseconds, milliseconds } from '../../quantities.ts';
import { progressFields, progressLine } from '../../restore/progress-line.ts';
import type { RestoreEvents } from '../../restore/restore-options.ts';
import { type TransferSample, transferState, withSample } from '../../restore/transfer-rate.ts';

/** How often a restore tells how far it is: in a log, and on a terminal, in milliseconds. */
const LOG_INTERVAL = 5_000;
const TERMINAL_INTERVAL = 100;

/** Begins the line anew, and clears it. */
const CLEAR_LINE = '\r\u001b[K';

/** Where a bar can be shown. */
export interface Terminal {
  readonly columns: number;
  write(text: string): void;
}

/** Standard error, where it is a terminal that can clear a line. */
function progressTerminal(): Terminal | undefined {
  const { stderr } = process;
  if (stderr.isTTY !== true || process.env['TERM'] === 'dumb') return undefined;
  return {
    get columns() {
      return stderr.columns || 80;
    },
    write: (text) => {
      stderr.write(text);
    },
  };
}

/**
 * Turns what a restore tells into log lines, and its progress into a bar where there is a terminal for it.
 * @param log carries `db`
 * @param clock never goes back
 */
export function restoreLog(
  log: Log,
  terminal: Terminal | undefined = progressTerminal(),
  clock: () => Milliseconds = () => milliseconds(Math.round(performance.now())),
): RestoreEvents {
  const interval = terminal === undefined ? LOG_INTERVAL : TERMINAL_INTERVAL;
  let samples: readonly TransferSample[] = [];
  let size = bytes(0);
  let next = clock() + (terminal === undefined ? interval : 0);
  let isShown = false;
  let timer: NodeJS.Timeout | undefined;
  const clear = () => {
    if (isShown) terminal?.write(CLEAR_LINE);
    isShown = false;
  };
  const show = (when: 'if-due' | 'now') => {
    const now = clock();
    if (now < next && when === 'if-due') return;
    next = milliseconds(now + interval);
    const state = transferState(samples, size, now);
    if (terminal === undefined) return log.info('restoring', progressFields(state));
    terminal.write(`${CLEAR_LINE}${progressLine(state, terminal.columns)}`);
    isShown = true;
  };
  return {
    step: (line) => {
      clear();
      log.info(line);
    },
    warn: (line) => {
      clear();
      log.warn(line);
    },
    progress: (done, total) => {
      samples = withSample(samples, { at: clock(), done });
      size = total;
      // A transfer that stands still tells nothing by itself.
      timer ??= setInterval(() => show('if-due'), 1000).unref();
      show(terminal !== undefined && done >= total ? 'now' : 'if-due');
    },
    ended: () => {
      clearInterval(timer);
      clear();
    },
  };
}
