import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../observe/log.ts';
import type { Milliseconds } from '../quantities.ts';
import type { MonotonicClock } from './clock.ts';
import type { GroupMember, ProcessGroup } from './process-group.ts';

export interface GroupWait {
  readonly group: ProcessGroup;
  readonly now: MonotonicClock;
  readonly log: Log;
  /**
   * What to send first. Nothing when it was forwarded to the whole group already: an application whose shell or npm has
   * died before it is still shutting down in good order, and may take a second one as "at once".
   */
  readonly terminate: NodeJS.Signals | undefined;
  /** When those that did not heed SIGTERM get SIGKILL. */
  readonly killAt: Milliseconds;
  /** When to go on without them: a process in an uninterruptible wait survives even SIGKILL. */
  readonly giveUpAt: Milliseconds;
}

const pollInterval = 20;

/**
 * Waits until nothing is left of the child's group after its leader has gone, ending what is left: a grandchild
 * that still writes would commit behind the last capture. Returns those that nothing could end.
 */
export async function waitForGroupGone(wait: GroupWait): Promise<readonly GroupMember[]> {
  const { group, now, log, killAt, giveUpAt } = wait;
  let left = group.members();
  if (left.length === 0) return left;
  const { terminate } = wait;
  report(left, terminate ? 'outlives the command, asked to end' : 'outlives the command, still ending');
  if (terminate !== undefined) group.signal(terminate);
  let killed = false;
  while (left.length > 0 && now() < giveUpAt) {
    await sleep(pollInterval);
    left = group.members();
    if (left.length === 0 || now() < killAt) continue;
    if (!killed) report(left, 'does not end, killed');
    killed = true;
    // At every turn: one that forks faster than this reads /proc must not get away.
    group.signal('SIGKILL');
  }
  if (left.length > 0) report(left, 'survives SIGKILL; what it still writes is not replicated');
  return left;

  function report(members: readonly GroupMember[], message: string): void {
    for (const { pid, name } of members) log.warn(`process ${message}`, { pid, command: name });
  }
}
