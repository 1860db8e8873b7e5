import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { milliseconds } from '../../src/quantities.ts';
import type { LifeEvent } from '../../src/supervisor/life.ts';
import { watchReadiness } from '../../src/supervisor/readiness-watch.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Asks a child whose answers, one by one, are these, the last one for ever after. */
function watch(answers: readonly (string | undefined)[], startupTimeout?: number) {
  const told: LifeEvent[] = [];
  const asked: number[] = [];
  const left = [...answers];
  const stop = watchReadiness({
    ask: async () => {
      asked.push(performance.now());
      return left.length > 1 ? left.shift() : left[0];
    },
    began: milliseconds(performance.now()),
    startupTimeout: startupTimeout === undefined ? undefined : milliseconds(startupTimeout),
    now: () => milliseconds(performance.now()),
    tell: (event) => told.push(event),
  });
  const gaps = () => asked.slice(1).map((time, index) => Math.round(time - (asked[index] ?? 0)));
  return { told, gaps, asked, stop, types: () => told.map(({ type }) => type) };
}

test('a command that is up is asked every ten seconds, and nobody is told again', async () => {
  const { gaps, types, stop } = watch([undefined]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(gaps()).toEqual([10_000, 10_000, 10_000, 10_000, 10_000, 10_000]);
  expect(types()).toEqual(['child-ready']);
  stop();
});

test('one that is not up is asked often at first, then every second', async () => {
  const { gaps, types, stop } = watch(['no']);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(gaps()[0]).toBe(100);
  expect(Math.max(...gaps())).toBe(1000);
  expect(types()).toEqual([]);
  stop();
});

test('two failures are a hiccup, three are told, and so is the recovery', async () => {
  const { types, stop } = watch([undefined, 'no', 'no', undefined, 'no', 'no', 'no', 'no', undefined]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(types()).toEqual(['child-ready', 'child-unready', 'child-ready']);
  stop();
});

test('too late is told once, with the last reason', async () => {
  const { told, stop } = watch(['connection refused'], 3000);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(told).toMatchObject([{ type: 'startup-timeout', error: { message: /within 3s: connection refused/ } }]);
  stop();
});

test('nothing is asked, and nothing told, once it is stopped', async () => {
  const { asked, types, stop } = watch(['no'], 500);
  await vi.advanceTimersByTimeAsync(200);
  stop();
  const before = asked.length;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked.length).toBe(before);
  expect(types()).toEqual([]);
});
