import { describe, expect, it } from 'vitest';
import { StationError } from '../../src/errors.ts';
import { type LastSync, lastSync } from '../../src/replication/last-sync.ts';

const done = async () => undefined;
const hangs = () => new Promise<never>(() => {});
const noEnd = hangs();

/** All goes well but for what a test changes; `told` has the order. */
function site(change: { [step in 'breakOff' | 'finish' | 'settled' | 'stop']?: () => Promise<never> } = {}) {
  const told: string[] = [];
  const step = (name: keyof typeof change) => async () => {
    told.push(name);
    await (change[name] ?? done)();
  };
  const uploader = { hurry: () => void told.push('hurry'), settled: step('settled'), stop: step('stop') };
  const parts: LastSync = { loop: { finish: step('finish') }, uploaders: [uploader], breakOff: step('breakOff') };
  return { told, parts };
}

describe('the last sync', () => {
  it('lets go of the database, captures, uploads, and ends the uploads', async () => {
    const { told, parts } = site();
    expect(await lastSync(parts, noEnd)).toBeUndefined();
    expect(told).toEqual(['hurry', 'breakOff', 'finish', 'settled', 'stop']);
  });

  it('uploads what there is where the last commits cannot be captured, and tells why', async () => {
    const full = new StationError('STAGING_FAILED', 'the disk is full');
    const { told, parts } = site({ finish: async () => Promise.reject(full) });
    expect(await lastSync(parts, noEnd)).toBe(full);
    expect(told).toEqual(['hurry', 'breakOff', 'finish', 'settled', 'stop']);
  });

  it.each(['breakOff', 'finish'] as const)('ends with its time where nothing comes of %s', async (step) => {
    const { told, parts } = site({ [step]: hangs });
    expect(await lastSync(parts, Promise.resolve('aborted'))).toMatchObject({ code: 'CAPTURE_FAILED' });
    expect(told.at(-1)).toBe('stop');
  });

  it.each(['settled', 'stop'] as const)('counts as captured where an upload hangs (%s)', async (step) => {
    const { told, parts } = site({ [step]: hangs });
    const isTimeUp = new Promise<'aborted'>((resolve) => setTimeout(() => resolve('aborted'), 20));
    expect(await lastSync(parts, isTimeUp)).toBeUndefined();
    expect(told.at(-1)).toBe('stop');
  });
});
