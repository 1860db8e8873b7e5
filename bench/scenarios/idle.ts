import { once } from 'node:events';
import type { Contender, Place } from '../contender.ts';
import { stop } from '../contender.ts';
import { cpuSeconds, memory, pause } from '../measure.ts';

/** Processor time, memory and requests while nothing is committed. The database is there and replicated already. */
export async function idle(
  contender: Contender,
  place: Place,
  seconds: number,
  requestsSoFar: () => number,
): Promise<{ readonly cpuMilliseconds: number; readonly megabytes: number; readonly requests: number }> {
  const child = contender.run(place, ['sh', '-c', 'echo up; exec sleep 600']);
  if (child.stdout === null || child.pid === undefined) throw new Error('the contender did not start');
  await once(child.stdout, 'data');
  await pause(5_000);
  const cpu = cpuSeconds(child.pid);
  const requests = requestsSoFar();
  await pause(seconds * 1_000);
  const result = {
    cpuMilliseconds: (cpuSeconds(child.pid) - cpu) * 1_000,
    megabytes: memory(child.pid).now,
    requests: requestsSoFar() - requests,
  };
  await stop(child);
  return result;
}
