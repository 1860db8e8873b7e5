import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeStagingLock, tryStagingLock } from '../../../src/replication/staging/staging-lock.ts';

const module = join(import.meta.dirname, '../../../src/replication/staging/staging-lock.ts');
let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-'));
  path = join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Another process that holds the lock until it is killed. */
async function otherHolder() {
  const script = `const { tryStagingLock } = await import(${JSON.stringify(module)});
    globalThis.lock = tryStagingLock(${JSON.stringify(path)});
    process.stdout.write(globalThis.lock === undefined ? 'busy' : 'held');
    setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [told] = (await once(holder.stdout, 'data')) as [Buffer];
  expect(told.toString()).toBe('held');
  return holder;
}

describe('the staging lock', () => {
  it('is held by one process, and a second one waits until that has died, however it did', async () => {
    const holder = await otherHolder();
    expect(tryStagingLock(path)).toBeUndefined();
    let waiting = 0;
    const told = () => {
      waiting += 1;
    };
    const taking = takeStagingLock(path, told, new AbortController().signal);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(waiting).toBe(1);
    holder.kill('SIGKILL');
    const lock = await taking;
    expect(tryStagingLock(path)).toBeUndefined();
    lock.release();
    const again = tryStagingLock(path);
    expect(again).toBeDefined();
    again?.release();
  });

  it('is not waited for after an abort', async () => {
    const lock = tryStagingLock(path);
    const abort = new AbortController();
    const taking = takeStagingLock(path, () => abort.abort(new Error('stopped')), abort.signal);
    await expect(taking).rejects.toThrow('stopped');
    lock?.release();
  });

  it('says so where its file cannot be made', () => {
    expect(() => tryStagingLock(join(folder, 'missing', 'lock'))).toThrow(
      expect.objectContaining({ code: 'STAGING_FAILED' }),
    );
  });
});
