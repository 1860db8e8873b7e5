import { readFileSync } from 'node:fs';
import type { Log } from '../observe/log.ts';

/** Number of CAP_KILL, with which a process may signal those of other users (capabilities(7)). */
const CAP_KILL = 5n;

/**
 * Whether a process may signal those of another user.
 * @param status its /proc/PID/status
 */
export function maySignalOthers(status: string): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return effective === undefined || ((BigInt(`0x${effective}`) >> CAP_KILL) & 1n) === 1n;
}

/**
 * Warns where the stop signal cannot come through: an init that stayed root while this process became somebody else
 * needs CAP_KILL to pass SIGTERM on. Without it tini ends by itself, and the kernel kills everything: no drain.
 */
export function warnOfUnableParent(log: Log): void {
  const us = process.geteuid?.();
  try {
    const status = readFileSync(`/proc/${process.ppid}/status`, 'utf8');
    const real = Number(/^Uid:\s*(\d+)/m.exec(status)?.[1]);
    // kill(2) asks for the same user or the capability.
    if (us === 0 || real === us || maySignalOthers(status)) return;
    log.warn('the stop signal cannot reach this process: its parent is of another user, and may not signal it', {
      hint: 'add the capability KILL to the container, or start it as that user: without it there is no drain',
    });
  } catch {
    // No /proc, or one that hides others (hidepid): nothing is known, so nothing is said.
  }
}
