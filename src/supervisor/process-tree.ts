import { readProcesses } from './proc-stat.ts';

/** SIGKILL to a process of ours and to what it has started, as far as /proc tells. */
export function killWithDescendants(pid: number | undefined): void {
  if (pid === undefined) return;
  for (const target of [...descendants(pid), pid]) {
    try {
      process.kill(target, 'SIGKILL');
    } catch (error) {
      // It has gone meanwhile.
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }
}

function descendants(pid: number): readonly number[] {
  const processes = readProcesses();
  const found: number[] = [];
  for (let generation = [pid]; generation.length > 0; ) {
    const parents = generation;
    generation = processes.filter(({ parent }) => parents.includes(parent)).map((process) => process.pid);
    found.push(...generation);
  }
  return found;
}
