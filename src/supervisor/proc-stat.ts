import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessStat {
  readonly pid: number;
  /** The command's name as the kernel keeps it: 15 bytes, any characters. */
  readonly name: string;
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
}

/**
 * One `/proc/<pid>/stat` (proc_pid_stat(5)). The name stands in parentheses and may itself hold spaces, parentheses
 * and line ends, so it reaches to the **last** closing one. `undefined` when the text is not of that form.
 */
export function parseProcessStat(text: string): ProcessStat | undefined {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open < 0 || close < open) return undefined;
  const [state, parent, group, session] = text.slice(close + 2).split(' ');
  const stat = {
    pid: Number(text.slice(0, open)),
    name: text.slice(open + 1, close),
    state: state ?? '',
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
  };
  const sound = [stat.pid, stat.parent, stat.group, stat.session].every(Number.isInteger) && stat.state.length === 1;
  return sound ? stat : undefined;
}

/** Zombies and dead entries write no more; they only wait for a parent that reaps them. */
export function isAlive({ state }: ProcessStat): boolean {
  return state !== 'Z' && state !== 'X' && state !== 'x';
}

/** All processes that /proc shows; none where there is no /proc of Linux's kind. */
export function readProcesses(): readonly ProcessStat[] {
  const stats: ProcessStat[] = [];
  for (const entry of procEntries()) {
    const stat = /^\d+$/.test(entry) ? readProcess(entry) : undefined;
    if (stat !== undefined) stats.push(stat);
  }
  return stats;
}

function procEntries(): readonly string[] {
  return hasProc() ? readdirSync('/proc') : [];
}

export function hasProc(): boolean {
  return readProcess('self') !== undefined;
}

/** A process that has gone meanwhile, or a /proc that is not Linux's, is `undefined`. */
export function readProcess(entry: string): ProcessStat | undefined {
  try {
    return parseProcessStat(readFileSync(`/proc/${entry}/stat`, 'utf8'));
  } catch {
    return undefined;
  }
}
