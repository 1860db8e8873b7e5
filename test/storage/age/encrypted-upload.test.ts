import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateIdentity } from 'age-encryption';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bytes, milliseconds, txid } from '../../../src/quantities.ts';
import { uploadLtxFile } from '../../../src/replication/replica/upload.ts';
import type { StagedFile } from '../../../src/replication/staging/staged-files.ts';
import { encryptStore } from '../../../src/storage/age/encrypted-store.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import { MemoryStore } from '../../replication/support/memory-store.ts';

const identity = await generateIdentity();
const keys = { recipients: [], identities: [identity], where: 'litestream.yml:7:9' };
const { signal } = new AbortController();
let folder: string;
let memory: MemoryStore;
let store: ObjectStore;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encrypted-upload-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(async () => {
  memory = new MemoryStore();
  store = await encryptStore(memory, keys);
});

/** A staged file of three chunks; its last 8 bytes are its checksum, as in an LTX file. */
async function staged(fill: number): Promise<StagedFile> {
  const content = Buffer.alloc(150_000, fill);
  const path = join(folder, `${fill}.ltx`);
  await writeFile(path, content);
  const fileChecksum = content.subarray(-8).toString('hex');
  const range = { level: 0, minTxid: txid(1), maxTxid: txid(1) };
  return { ...range, path, size: bytes(content.length), timestamp: milliseconds(1_000), fileChecksum } as StagedFile;
}

describe('an upload to an encrypted replica', () => {
  it('whose answer was lost is known again, though it would be other bytes if sent again', async () => {
    const file = await staged(1);
    memory.fate = () => 'lost';
    await expect(uploadLtxFile(store, file, signal)).rejects.toMatchObject({ code: 'STORAGE_UNREACHABLE' });
    memory.fate = () => 'stored';
    const before = [...memory.objects.values()];
    await uploadLtxFile(await encryptStore(memory, keys), file, signal);
    expect([...memory.objects.values()]).toEqual(before);
  });

  it('that meets another writer’s file is fenced', async () => {
    await uploadLtxFile(await encryptStore(memory, keys), await staged(2), signal);
    await expect(uploadLtxFile(store, await staged(1), signal)).rejects.toMatchObject({ code: 'FENCED' });
  });

  it('that meets a file for other keys is refused, and puts nothing', async () => {
    const stranger = await encryptStore(memory, { ...keys, identities: [await generateIdentity()] });
    await uploadLtxFile(stranger, await staged(1), signal);
    await expect(uploadLtxFile(store, await staged(1), signal)).rejects.toMatchObject({ code: 'STORAGE_DENIED' });
  });
});
