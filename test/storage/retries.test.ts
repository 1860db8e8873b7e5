import { describe, expect, it } from 'vitest';
import { type ErrorCode, StationError } from '../../src/errors.ts';
import { type Retries, waitOf, withRetries } from '../../src/storage/retries.ts';

const failed = (code: ErrorCode) => new StationError(code, 'as the store says it');

/** An operation that fails so often, and then gives how often it was tried. */
function failing(times: number, error: unknown = failed('STORAGE_UNREACHABLE')) {
  let attempts = 0;
  return {
    attempts: () => attempts,
    once: async () => {
      attempts += 1;
      if (attempts <= times) throw error;
      return attempts;
    },
  };
}

const retries = (changes: Partial<Retries> = {}): Retries => ({
  attempts: 3,
  signal: undefined,
  errorOf: (error) => error as StationError,
  waitAskedBy: () => 0,
  ...changes,
});

describe('a request', () => {
  it('is tried so often, and no more', async () => {
    expect(await withRetries(failing(2).once, retries())).toBe(3);
    const always = failing(9);
    await expect(withRetries(always.once, retries())).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' });
    expect(always.attempts()).toBe(3);
  });

  it('that another attempt does not help is tried once', async () => {
    const refused = failing(9, failed('STORAGE_DENIED'));
    await expect(withRetries(refused.once, retries())).rejects.toMatchObject({ code: 'STORAGE_DENIED' });
    expect(refused.attempts()).toBe(1);
  });

  it('waits for as long as the store asks, unless that is long', async () => {
    const busy = failing(1, failed('STORAGE_THROTTLED'));
    const begun = performance.now();
    await withRetries(busy.once, retries({ waitAskedBy: () => waitOf('0.3') }));
    expect(performance.now() - begun).toBeGreaterThan(290);
    const away = failing(1, failed('STORAGE_THROTTLED'));
    const hour = retries({ waitAskedBy: () => waitOf('3600') });
    await expect(withRetries(away.once, hour)).rejects.toMatchObject({ code: 'STORAGE_THROTTLED' });
    expect(away.attempts()).toBe(1);
  });

  it('whose credentials were renewed is tried again, as if for the first time', async () => {
    const refused = failing(1, failed('STORAGE_DENIED'));
    expect(await withRetries(refused.once, retries({ attempts: 1, renew: () => true }))).toBe(2);
  });

  it('ends with the reason of an abort, in the middle of a wait too', async () => {
    const reason = new Error('enough');
    const controller = new AbortController();
    const busy = failing(9, failed('STORAGE_THROTTLED'));
    const wait = withRetries(busy.once, retries({ signal: controller.signal, waitAskedBy: () => 4_000 }));
    setTimeout(() => controller.abort(reason), 50);
    await expect(wait).rejects.toBe(reason);
    expect(busy.attempts()).toBe(1);
  });
});

it('a wait that is no number of seconds counts as none', () => {
  expect([waitOf(undefined), waitOf('2'), waitOf('Fri, 27 Nov 2026 15:00:00 GMT')]).toEqual([0, 2_000, 0]);
});
