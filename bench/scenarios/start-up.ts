import { once } from 'node:events';
import type { Contender, Place } from '../contender.ts';
import { stop } from '../contender.ts';

/** Milliseconds from starting the contender to the first byte of its child, with nothing to restore. */
export async function startUp(contender: Contender, place: Place): Promise<number> {
  const begun = performance.now();
  const child = contender.run(place, ['sh', '-c', 'echo up; exec sleep 60']);
  if (child.stdout === null) throw new Error('the child has no stdout');
  await once(child.stdout, 'data');
  const took = performance.now() - begun;
  await stop(child);
  return took;
}
