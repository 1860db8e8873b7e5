import { describe, expect, it } from 'vitest';
import type { Judgement } from '../../src/lease/judge-lease.ts';
import { untilLeftAlone } from '../../src/lease/left-alone.ts';
import { type Milliseconds, milliseconds } from '../../src/quantities.ts';

const held = { kind: 'held' } as Judgement;
const free = (why: Extract<Judgement, { kind: 'free' }>['why']): Judgement => ({ kind: 'free', why });
const released = free('released');
const noAnswer = undefined;

/** One look each 10 s at a lease of 30 s. @returns when it was found to be left alone, in seconds; undefined: never */
async function leftAfter(...looks: readonly (Judgement | undefined)[]): Promise<number | undefined> {
  let now = 0;
  let index = 0;
  const watched = untilLeftAlone({
    look: async () => {
      const judged = looks[index];
      index += 1;
      if (judged === undefined) throw new Error('no answer');
      return judged;
    },
    duration: milliseconds(30_000),
    monotonic: () => milliseconds(now),
    sleep: async (pause: Milliseconds) => {
      now += pause;
      // For ever: nobody is told any more.
      if (index === looks.length) await new Promise(() => {});
    },
  }).then(() => now / 1000);
  const idle = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 20));
  return await Promise.race([watched, idle]);
}

describe('a lease that was handed over', () => {
  it.each([
    ['is taken by nobody: left alone after its duration', [released, released, released, released], 40],
    ['is held by the newcomer: not left alone', [held, held, held, held, held, held], undefined],
    ['is taken late: not left alone', [released, released, released, held, held], undefined],
    ['is taken, and given back: left alone from then on', [held, released, released, released, released], 50],
    [
      'is let expire by a newcomer that died',
      [held, free('expired'), free('expired'), free('expired'), free('expired')],
      50,
    ],
    [
      'comes and goes with a newcomer that crashes: counted anew',
      [released, released, held, released, released, released],
      undefined,
    ],
    ['was deleted', [free('absent'), free('absent'), free('absent'), free('absent')], 40],
    [
      'cannot be read: nothing is known, and nothing is decided',
      [released, noAnswer, noAnswer, noAnswer, noAnswer],
      undefined,
    ],
    ['cannot be read for a while', [released, noAnswer, noAnswer, noAnswer, released], 50],
    [
      'is that of another process on this disk: not left alone',
      [free('own-disk'), free('own-disk'), free('own-disk'), free('own-disk')],
      undefined,
    ],
  ] as const)('%s', async (_, looks, seconds) => {
    expect(await leftAfter(...looks)).toBe(seconds);
  });
});
