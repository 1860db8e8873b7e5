import { hasProc, isAlive, type ProcessStat, readProcess, readProcesses } from './proc-stat.ts';

export interface GroupMember {
  readonly pid: number;
  readonly name: string;
}

/** The processes of the child's session, which is also its process group. Two methods, so that a test can stand in. */
export interface ProcessGroup {
  /** Those alive now; zombies do not count. */
  members(): readonly GroupMember[];
  /** To every member. A member that has gone meanwhile is no error. */
  signal(signal: NodeJS.Signals): void;
}

/**
 * The group led by `leader`, a child started in a session of its own.
 *
 * Who is alive is read from /proc: kill(-group, 0) also succeeds for zombies, and where this process is PID 1 nobody
 * reaps them, so waiting for ESRCH would wait forever. The whole session counts, because a shell with job control gives
 * each job a group of its own; so does what the child left behind by a double fork with setsid, where the container's
 * init has adopted it (`adopter`). Systems without /proc fall back to kill(-group, 0).
 */
export function processGroup(leader: number, adopter = containerInit()): ProcessGroup {
  return {
    members: () => listMembers(leader, adopter),
    signal(signal) {
      send(-leader, signal);
      for (const { pid, group } of statsOf(leader, adopter)) {
        if (group !== leader) send(pid, signal);
      }
    },
  };
}

function listMembers(leader: number, adopter: number | undefined): readonly GroupMember[] {
  if (!hasProc()) return send(-leader, 0) ? [{ pid: leader, name: 'process group' }] : [];
  return statsOf(leader, adopter).map(({ pid, name }) => ({ pid, name }));
}

function statsOf(leader: number, adopter: number | undefined): readonly ProcessStat[] {
  return readProcesses().filter(
    (stat) => isAlive(stat) && stat.pid !== process.pid && (isOfSession(stat, leader) || isAdopted(stat, adopter)),
  );
}

function isOfSession(stat: ProcessStat, leader: number): boolean {
  return stat.session === leader || stat.group === leader;
}

/** `docker exec` gives parent 0, so what the init has as a child came from ours, or was orphaned in such a shell. */
function isAdopted(stat: ProcessStat, adopter: number | undefined): boolean {
  return adopter !== undefined && stat.parent === adopter && stat.session !== ownSession();
}

const smallInits = new Set(['tini', 'docker-init', 'dumb-init', 'catatonit']);

/**
 * The PID that adopts orphans of this container, where that is certain: ours as PID 1, or that of a small init that
 * runs nothing but us. On a machine with a real init, PID 1's children are everybody's, and none of our business.
 */
function containerInit(): number | undefined {
  if (process.pid === 1) return 1;
  const init = process.ppid === 1 ? readProcess('1') : undefined;
  return init !== undefined && smallInits.has(init.name) ? 1 : undefined;
}

function ownSession(): number | undefined {
  return readProcess('self')?.session;
}

/** True when there was something to signal. EPERM means there is, but it belongs to another user. */
function send(target: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(target, signal);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
