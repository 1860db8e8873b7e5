import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytes, milliseconds, txid } from '../../../src/quantities.ts';
import { noPosition } from '../../../src/replication/staging/position-file.ts';
import type { StagedFile } from '../../../src/replication/staging/staged-files.ts';
import { claimNextFiles } from '../../../src/replication/start/claim.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import { openStore } from '../../../src/storage/open-store.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'claim-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A history of TXID 1, and the claim above it. */
function staged() {
  const file = (at: number): StagedFile => {
    const path = join(folder, `${at}.ltx`);
    writeFileSync(path, `file ${at}`);
    return {
      path,
      level: 0,
      minTxid: txid(at),
      maxTxid: txid(at),
      size: bytes(6),
      timestamp: milliseconds(at),
      fileChecksum: `${at}`.repeat(16),
    } as StagedFile;
  };
  const level0 = [file(1), file(2)];
  const position = { ...noPosition, txid: txid(2), timestamp: milliseconds(2), fileChecksums: ['2'.repeat(16)] };
  return { level0, position };
}

const remote = { txid: txid(1), listedTxid: txid(1), timestamp: milliseconds(1), fileChecksums: ['1'.repeat(16)] };
const never = new AbortController().signal;

async function claimOn(store: ObjectStore, patience = milliseconds(5_000)) {
  const replica = { name: 'only', store, lease: undefined, remote };
  return await claimNextFiles(staged(), [replica], milliseconds(10), patience, never);
}

describe('a store', () => {
  it('that takes the claim holds it from then on', async () => {
    const store = await openStore({ type: 'file', path: join(folder, 'replica') });
    expect(await claimOn(store)).toMatchObject({ kind: 'claimed', failed: [] });
    expect((await Array.fromAsync(store.list(''))).map(({ size }) => size)).toEqual([6]);
    await store.close();
  });

  it('that never answers the claim is unreachable: 69, and no bug of ours', async () => {
    const put = (_key: string, _body: unknown, { signal }: { signal?: AbortSignal }) =>
      new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    const store = { ...(await openStore({ type: 'file', path: join(folder, 'replica') })), url: 's3://silent', put };
    const outcome = await claimOn(store as unknown as ObjectStore, milliseconds(100));
    expect(outcome).toMatchObject({
      kind: 'claimed',
      failed: [{ code: 'STORAGE_UNREACHABLE', message: 's3://silent did not answer within 0.1 s' }],
    });
  });

  it('that holds another file under that name tells that an older holder has written meanwhile', async () => {
    const store = await openStore({ type: 'file', path: join(folder, 'replica') });
    await claimOn(store);
    const { position, level0 } = staged();
    const path = join(folder, 'longer.ltx');
    writeFileSync(path, 'another file');
    const other = { position, level0: level0.map((file) => ({ ...file, path, size: bytes(12) })) };
    const replica = { name: 'only', store, lease: undefined, remote };
    const outcome = await claimNextFiles(other, [replica], milliseconds(10), milliseconds(5_000), never);
    expect(outcome).toMatchObject({ kind: 'overtaken', error: { code: 'FENCED' } });
    await store.close();
  });
});
