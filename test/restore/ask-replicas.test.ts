import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { milliseconds } from '../../src/quantities.ts';
import { askReplicas } from '../../src/restore/ask-replicas.ts';
import { openFileStore } from '../../src/storage/file/store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('a replica that does not answer is named while it is waited for, not only at the end', async () => {
  const store = openFileStore({ type: 'file', path: '/nowhere' });
  const silent: ObjectStore['list'] = async function* () {
    await new Promise<never>(() => undefined);
  };
  const told: string[] = [];
  const replica = { name: 's3', store: Object.assign(Object.create(store), { list: silent }) };
  const signal = new AbortController().signal;
  const asked = askReplicas([replica], { kind: 'newest' }, milliseconds(30_000), signal, (line) => told.push(line));
  await vi.advanceTimersByTimeAsync(4_999);
  expect(told).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(told).toEqual(['waiting for s3, for up to 30 s: it is silent']);
  await vi.advanceTimersByTimeAsync(25_000);
  expect((await asked)[0]?.answer).toMatchObject({ kind: 'no-answer', replica: 's3' });
  expect(told).toHaveLength(1);
});
