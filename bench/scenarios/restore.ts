import { once } from 'node:events';
import { statSync } from 'node:fs';
import type { Contender, Place } from '../contender.ts';
import { memory, pause } from '../measure.ts';

/** Seconds, and the most memory in MB, to restore what the place's replica holds. */
export async function restore(
  contender: Contender,
  place: Place,
  output: string,
): Promise<{ readonly seconds: number; readonly megabytes: number }> {
  const begun = performance.now();
  const child = contender.restore(place, output);
  let megabytes = 0;
  let running = true;
  const ended = once(child, 'exit').then(([code]) => {
    running = false;
    if (code !== 0) throw new Error(`${contender.name} ended with ${code}`);
  });
  while (running) {
    try {
      megabytes = Math.max(megabytes, memory(child.pid ?? 0).most);
    } catch {
      // It has just ended.
    }
    await Promise.race([pause(20), ended]);
  }
  await ended;
  const seconds = (performance.now() - begun) / 1000;
  if (statSync(output).size === 0) throw new Error('nothing was restored');
  return { seconds, megabytes };
}
