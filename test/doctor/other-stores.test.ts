/** The same probe on a folder, on Azure's emulator, and on Google's protocol. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Azurite, startAzurite } from '../servers/azurite.ts';
import { startGcsServer } from '../servers/gcs-server.ts';
import { azureOptions, azureService, wrongKey } from '../storage/azure/backend.ts';
import { gcsOptions } from '../storage/gcs/backend.ts';
import { probed, skippedFrom, sound as soundInParts } from './probed.ts';

/** Of these nobody doubts that they refuse in parts what they refuse in one. */
const sound = { ...soundInParts, 'in-parts': 'skipped' };

describe('a folder', () => {
  const folder = () => {
    const path = mkdtempSync(join(tmpdir(), 'doctor-'));
    onTestFinished(() => rmSync(path, { recursive: true, force: true }));
    return path;
  };
  const soundFolder = { ...sound, resolve: 'skipped', connect: 'skipped' };

  it('passes, and is left as it was found: absent', async () => {
    const parent = folder();
    expect((await probed({ type: 'file', path: join(parent, 'replica') })).kinds).toEqual(soundFolder);
    expect(readdirSync(parent)).toEqual([]);
  });

  it('or with what it held', async () => {
    const path = folder();
    mkdirSync(join(path, 'ltx'));
    const { kinds, detail } = await probed({ type: 'file', path });
    expect(kinds).toEqual(soundFolder);
    expect(detail('authenticate')).toMatch(/^uid \d+, gid \d+$/);
    expect(readdirSync(path)).toEqual(['ltx']);
  });

  it('that cannot be made is told of', async () => {
    const file = join(folder(), 'a-file');
    writeFileSync(file, '');
    const { kinds } = await probed({ type: 'file', path: join(file, 'replica') });
    expect(kinds).toEqual({ ...soundFolder, authenticate: 'failed', ...skippedFrom('put') });
  });
});

describe('Azure Blob Storage', () => {
  let azurite: Azurite;
  beforeAll(async () => {
    azurite = await startAzurite();
    await azureService(azurite).getContainerClient('container').create();
  });
  afterAll(() => azurite.stop());

  it('passes', async () => {
    const { kinds, detail, report } = await probed(azureOptions(azurite));
    expect(kinds).toEqual(sound);
    expect(detail('authenticate')).toBe('account station, by its key as configured');
    expect(JSON.stringify(report)).not.toContain(azurite.accountKey);
  });

  it('refuses a wrong key', async () => {
    const { kinds, failure } = await probed(
      azureOptions(azurite, { credentials: { kind: 'account-key', accountKey: wrongKey } }),
    );
    expect(kinds).toEqual({ ...sound, authenticate: 'failed', ...skippedFrom('put') });
    expect(failure('authenticate').code).toBe('STORAGE_DENIED');
  });
});

describe('Google Cloud Storage', () => {
  const start = async () => {
    const server = await startGcsServer({ buckets: ['bucket'] });
    onTestFinished(() => server.stop());
    return server;
  };

  it('passes', async () => {
    const server = await start();
    const { kinds, detail } = await probed(gcsOptions(server));
    expect(kinds).toEqual(sound);
    expect(detail('authenticate')).toMatch(/^service account .+@.+, its key as configured$/);
    expect(server.objects('bucket')).toEqual([]);
  });

  it('refuses another key', async () => {
    const server = await start();
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const another = privateKey.export({ type: 'pkcs8', format: 'pem' });
    const json = JSON.stringify({ ...JSON.parse(server.serviceAccountKey), private_key: another });
    const { kinds } = await probed(gcsOptions(server, { credentials: { kind: 'json', json } }));
    expect(kinds).toEqual({ ...sound, authenticate: 'failed', ...skippedFrom('put') });
  });

  it('that ignored its own conditions would be unable to fence', async () => {
    const server = await start();
    server.faults.add({ do: { kind: 'ignore-conditions' } });
    const { kinds, failure } = await probed(gcsOptions(server));
    expect(kinds).toEqual({ ...sound, 'create-only': 'failed', 'compare-and-swap': 'failed' });
    expect(failure('create-only').detail).toMatch(/^unable to fence/);
  });
});
