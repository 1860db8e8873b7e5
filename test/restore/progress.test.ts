import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Log } from '../../src/observe/log.ts';
import { bytes, milliseconds } from '../../src/quantities.ts';
import { restoreLog } from '../../src/replication/start/restore-log.ts';
import { formatDuration, formatSize, progressLine } from '../../src/restore/progress-line.ts';
import { type TransferSample, transferState, withSample } from '../../src/restore/transfer-rate.ts';

const MiB = 1024 * 1024;

/** `[at, done]` in seconds and MiB. */
const stateOf = (given: readonly (readonly [number, number])[], total: number, now: number) => {
  let samples: readonly TransferSample[] = [];
  for (const [at, done] of given)
    samples = withSample(samples, { at: milliseconds(at * 1000), done: bytes(done * MiB) });
  return transferState(samples, bytes(total * MiB), milliseconds(now * 1000));
};

describe('the rate of a transfer', () => {
  test('is unknown at first', () => {
    expect(stateOf([[0, 1]], 100, 0.4)).toMatchObject({ done: MiB, rate: undefined, left: undefined });
  });

  test('is that of the last ten seconds, so a line that has become slow is seen', () => {
    const steady = Array.from({ length: 60 }, (_, second) => [second, second * 10] as const);
    expect(stateOf(steady, 1000, 59)).toMatchObject({ rate: 10 * MiB, left: 41_000 });
    const slow = Array.from({ length: 12 }, (_, second) => [60 + second, 590 + second] as const);
    const { rate } = stateOf([...steady, ...slow], 1000, 71);
    expect(rate).toBeGreaterThan(0.9 * MiB);
    expect(rate).toBeLessThan(1.2 * MiB);
  });

  test('falls while nothing arrives', () => {
    const given = [
      [0, 0],
      [1, 10],
    ] as const;
    expect(stateOf(given, 20, 1)).toMatchObject({ rate: 10 * MiB, left: 1000 });
    expect(stateOf(given, 20, 4)).toMatchObject({ rate: 2.5 * MiB, left: 4000 });
  });

  test('begins anew where the transfer does, with another plan', () => {
    expect(
      stateOf(
        [
          [0, 0],
          [5, 50],
          [6, 1],
        ],
        100,
        6.1,
      ),
    ).toMatchObject({ done: MiB, rate: undefined });
    expect(
      stateOf(
        [
          [0, 0],
          [5, 50],
          [6, 1],
          [8, 5],
        ],
        100,
        8,
      ),
    ).toMatchObject({ rate: 2 * MiB });
  });

  test('remembers ten seconds, however often it is told', () => {
    let samples: readonly TransferSample[] = [];
    for (let at = 0; at < 60_000; at += 3) samples = withSample(samples, { at: milliseconds(at), done: bytes(at) });
    expect(samples.length).toBeLessThan(120);
    expect(transferState(samples, bytes(100_000), milliseconds(60_000)).rate).toBeCloseTo(1000, -2);
  });
});

describe('the line on a terminal', () => {
  const state = stateOf(
    [
      [0, 0],
      [10, 512],
    ],
    1024,
    10,
  );

  test.each([
    [100, '[###############...............] 50%  512 MiB of 1.00 GiB  51.2 MiB/s  10s left'],
    [60, '[#####.....] 50%  512 MiB of 1.00 GiB  51.2 MiB/s  10s left'],
    [50, '50%  512 MiB of 1.00 GiB  51.2 MiB/s  10s left'],
    [20, '50%  512 MiB of 1.0'],
    [0, ''],
  ])('in %i columns', (columns, line) => expect(progressLine(state, columns)).toBe(line));

  test('says 100 % only of what is done', () => {
    const almost = { done: bytes(9_999_999), total: bytes(10_000_000), rate: undefined, left: undefined };
    expect(progressLine(almost, 80)).toContain(' 99%');
    expect(progressLine({ ...almost, done: almost.total }, 80)).toContain('#] 100%');
  });

  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '0.98 KiB'],
    [10.2 * 1024, '10.2 KiB'],
    [999.7 * 1024, '0.98 MiB'],
    [5 * 2 ** 50, '5120 TiB'],
  ])('%f bytes are %s', (size, text) => expect(formatSize(size)).toBe(text));

  test.each([
    [0, '0s'],
    [1, '1s'],
    [59_999, '1m00s'],
    [185_000, '3m05s'],
    [3_599_500, '1h00m'],
    [7_620_000, '2h07m'],
  ])('%i ms are %s', (duration, text) => expect(formatDuration(milliseconds(duration))).toBe(text));
});

describe('a restore that tells how far it is', () => {
  const start = () => {
    const lines: unknown[] = [];
    const add = (message: string, fields?: object) =>
      void lines.push(fields === undefined ? message : [message, fields]);
    const log: Log = { debug: add, info: add, warn: add, error: add, with: () => log };
    return { lines, log };
  };
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] }));
  afterEach(() => void vi.useRealTimers());

  test('writes a log line every five seconds where there is no terminal, also while nothing arrives', () => {
    const { lines, log } = start();
    const events = restoreLog(log, undefined);
    events.step('restoring from s3');
    for (let second = 1; second <= 11; second += 1) {
      vi.advanceTimersByTime(1000);
      events.progress(bytes(second * MiB), bytes(100 * MiB));
    }
    vi.advanceTimersByTime(5000);
    events.ended?.();
    vi.advanceTimersByTime(60_000);
    const told = { of: 100 * MiB, rate: expect.stringMatching(/ [KM]iB\/s$/), left: expect.stringMatching(/m\d\ds$/) };
    expect(lines).toEqual([
      'restoring from s3',
      ['restoring', { ...told, percent: 4, bytes: 4 * MiB }],
      ['restoring', { ...told, percent: 9, bytes: 9 * MiB }],
      ['restoring', { ...told, percent: 11, bytes: 11 * MiB }],
    ]);
  });

  test('draws a bar on a terminal, out of the way of the log’s lines, and gone at the end', () => {
    const { lines, log } = start();
    const written: string[] = [];
    const terminal = {
      columns: 80,
      write: (text: string) => {
        written.push(text);
        lines.push(text.includes('\u001b[K') && text.length < 8 ? 'cleared' : 'bar');
      },
    };
    const events = restoreLog(log, terminal);
    events.progress(bytes(1), bytes(10));
    events.progress(bytes(2), bytes(10));
    vi.advanceTimersByTime(150);
    events.progress(bytes(3), bytes(10));
    events.warn('left out: a file');
    events.progress(bytes(10), bytes(10));
    events.ended?.();
    expect(lines).toEqual(['bar', 'bar', 'cleared', 'left out: a file', 'bar', 'cleared']);
    expect(written.at(-2)).toContain('100%  10 B of 10 B');
  });
});
