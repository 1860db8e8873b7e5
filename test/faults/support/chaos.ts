import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultProxy, NetworkMode } from '../../servers/fault-proxy.ts';
import type { Random } from './random.ts';

const directions = ['up', 'down'] as const;

const faults: readonly [(random: Random) => NetworkMode, ...((random: Random) => NetworkMode)[]] = [
  (random) => ({ kind: 'delay', milliseconds: random.between(20, 400) }),
  (random) => ({ kind: 'reset', after: random.between(0, 3_000), direction: random.pick(directions) }),
  (random) => ({ kind: 'half', direction: random.pick(directions) }),
  (random) => ({ kind: 'answer', status: random.pick([500, 502, 503, 504]) }),
  (random) => ({ kind: 'rate', bytesPerSecond: random.between(2_000, 50_000) }),
  () => ({ kind: 'blackhole' }),
  () => ({ kind: 'refuse' }),
];

/**
 * Makes a network bad in one way after the other, with moments in between in which it works, and good at the end: each
 * way at least once, if that takes longer than `duration`. The seed of the random numbers decides what comes when.
 * @param duration ms @returns what it did, for the reader of a failure
 */
export async function makeChaos(network: FaultProxy, random: Random, duration: number): Promise<readonly string[]> {
  const story: string[] = [];
  const left = [...faults];
  try {
    for (let passed = 0; passed < duration || left.length > 0; ) {
      const [fault = random.pick(faults)] = left.splice(random.between(0, Math.max(0, left.length - 1)), 1);
      const mode = fault(random);
      const [bad, good] = [random.between(200, 1_500), random.between(0, 500)];
      story.push(`${passed} ms: ${JSON.stringify(mode)} for ${bad} ms`);
      await network.set(mode);
      await sleep(bad);
      await network.set({ kind: 'pass' });
      await sleep(good);
      passed += bad + good;
    }
  } finally {
    await network.set({ kind: 'pass' });
  }
  return story;
}
