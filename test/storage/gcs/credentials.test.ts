import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { WORKLOAD_POOL } from '../../servers/gcs-token.ts';
import { createOnly, text } from '../impatient.ts';
import { started } from './started.ts';

const given = { credentials: undefined } as const;

beforeEach(() => {
  // Nothing of this machine is to be found.
  vi.stubEnv('HOME', '/dev/null');
  for (const name of ['GOOGLE_APPLICATION_CREDENTIALS', 'STORAGE_EMULATOR_HOST', 'GCE_METADATA_HOST']) {
    vi.stubEnv(name, undefined);
  }
  vi.stubEnv('METADATA_SERVER_DETECTION', 'none');
});
afterEach(() => vi.unstubAllEnvs());

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'gcs-credentials-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

describe('a service account’s key', () => {
  it('is looked for when it is needed, and again after it was not there', async () => {
    const path = join(folder(), 'key.json');
    const { server, store } = await started({ credentials: { kind: 'file', path } });
    await expect(store.put('a', text('x'), createOnly)).rejects.toMatchObject({
      code: 'STORAGE_DENIED',
      message: expect.stringMatching(/^ENOENT: /),
      hint: expect.stringContaining('service-account-json-path'),
    });
    writeFileSync(path, server.serviceAccountKey);
    await store.put('a', text('x'), createOnly);
  });

  it('gives a token once, not at each request', async () => {
    const { store, operations } = await started();
    expect(operations()).toEqual([]);
    for (const key of ['a', 'b', 'c']) await store.put(key, text('x'), createOnly);
    expect(operations()).toEqual(['Token', 'InsertObject', 'InsertObject', 'InsertObject']);
  });

  it('prints nothing beside our log', async () => {
    const prints = [vi.spyOn(console, 'warn'), vi.spyOn(console, 'error'), vi.spyOn(process, 'emitWarning')];
    const { store } = await started();
    await store.put('a', text('x'), createOnly);
    for (const print of prints) expect(print).not.toHaveBeenCalled();
  });

  it.each([
    ['not JSON', 'nothing', 'SyntaxError', 'is not JSON'],
    ['without a key in it', '{"type":"service_account","client_email":"a@b"}', 'Error', 'service account’s key'],
    [
      'with half a key in it',
      '{"type":"service_account","client_email":"a@b","private_key":"-----BEGIN PRIVATE KEY-----\\nMIIE"}',
      'ERR_OSSL_UNSUPPORTED',
      'damaged',
    ],
  ])('that is %s is a refusal', async (_, json, word, hint) => {
    const { store } = await started({ credentials: { kind: 'json', json } });
    await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({
      code: 'STORAGE_DENIED',
      message: expect.stringMatching(new RegExp(`^${word}: `)),
      hint: expect.stringContaining(hint),
    });
  });

  it('on a machine whose clock is wrong says so', async () => {
    const { store } = await started({}, {}, { now: () => Date.now() + 86_400_000 });
    await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({
      code: 'STORAGE_DENIED',
      message: expect.stringMatching(/^invalid_grant: /),
      hint: expect.stringContaining('clock'),
    });
  });

  it('never shows itself in an error', async () => {
    const { server, store } = await started();
    server.faults.add({ when: { operation: 'Token' }, do: { kind: 'answer', status: 400, code: 'invalid_grant' } });
    const error = await store.put('a', text('x'), createOnly).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'STORAGE_DENIED' });
    expect(`${error} ${(error as { hint: string }).hint}`).not.toMatch(/PRIVATE KEY|ya29|assertion/);
  });
});

describe('a token', () => {
  it('that is refused is replaced once, unseen', async () => {
    const { server, store, operations } = await started();
    await store.put('a', text('x'), createOnly);
    server.revokeTokens();
    await store.put('b', text('x'), createOnly);
    expect(operations()).toEqual(['Token', 'InsertObject', 'InsertObject', 'Token', 'InsertObject']);
  });

  it('that cannot be had for a while is tried for again', async () => {
    const { server, store } = await started({}, { attempts: 1 });
    const stop = server.faults.add({
      when: { operation: 'Token' },
      do: { kind: 'answer', status: 503, code: 'unavailable' },
    });
    await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({ code: 'STORAGE_THROTTLED' });
    stop();
    expect(await Array.fromAsync(store.list(''))).toEqual([]);
  });
});

describe('with no key given', () => {
  it('GOOGLE_APPLICATION_CREDENTIALS names one, which must be there', async () => {
    const { server, store } = await started(given);
    vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', '/nowhere/key.json');
    await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({
      code: 'STORAGE_DENIED',
      message: expect.stringContaining('/nowhere/key.json'),
    });
    expect(server.requests).toEqual([]);
  });

  it('GOOGLE_APPLICATION_CREDENTIALS may be a service account’s key, which outside Google’s universe signs for itself', async () => {
    const { server, store, operations } = await started(given);
    const path = join(folder(), 'key.json');
    const key = { ...JSON.parse(server.serviceAccountKey), universe_domain: 'example.test' };
    writeFileSync(path, JSON.stringify(key));
    vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', path);
    await store.put('a', text('x'), createOnly);
    expect(operations()).toEqual(['InsertObject']);
  });

  it('a workload’s federated token is exchanged, and the one that replaces it too', async () => {
    const { server, store, operations } = await started(given);
    const subject = join(folder(), 'token');
    const configuration = join(folder(), 'federation.json');
    const federation = {
      type: 'external_account',
      audience: WORKLOAD_POOL,
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `${server.url}/token`,
      credential_source: { file: subject },
    };
    writeFileSync(configuration, JSON.stringify(federation));
    vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', configuration);
    const prints = [vi.spyOn(console, 'warn'), vi.spyOn(console, 'error')];
    // The library runs it where it wants to know a project, which nobody asks for.
    const [programs, mark] = [folder(), join(folder(), 'ran')];
    writeFileSync(join(programs, 'gcloud'), `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 });
    vi.stubEnv('PATH', `${programs}:${process.env['PATH']}`);

    writeFileSync(subject, 'expired');
    await expect(store.put('a', text('x'), createOnly)).rejects.toMatchObject({
      code: 'STORAGE_DENIED',
      message: expect.stringMatching(/^invalid_grant: /),
    });
    writeFileSync(subject, 'good');
    server.federatedTokens.add('good');
    await store.put('a', text('x'), createOnly);

    server.federatedTokens.clear();
    server.federatedTokens.add('renewed');
    server.revokeTokens();
    writeFileSync(subject, 'renewed');
    await store.put('b', text('x'), createOnly);
    expect(operations()).toEqual(['Token', 'Token', 'InsertObject', 'InsertObject', 'Token', 'InsertObject']);
    for (const print of prints) expect(print).not.toHaveBeenCalled();
    expect(existsSync(mark)).toBe(false);
  });

  it('the machine’s own account is used', async () => {
    const { server, store, operations } = await started(given);
    vi.stubEnv('METADATA_SERVER_DETECTION', 'assume-present');
    vi.stubEnv('GCE_METADATA_HOST', `127.0.0.1:${server.port}`);
    await store.put('a', text('x'), createOnly);
    expect(operations()).toContain('Metadata');
    expect(operations().at(-1)).toBe('InsertObject');
  });

  it('and none to be found, that is a refusal, and nothing is asked without one', async () => {
    const { server, store } = await started(given);
    await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({
      code: 'STORAGE_DENIED',
      message: expect.stringMatching(/^NoCredentials: /),
      hint: expect.stringContaining('service-account-json-path'),
    });
    expect(server.requests).toEqual([]);
  });

  it('STORAGE_EMULATOR_HOST names a server that wants none', async () => {
    const { server, store, keys } = await started({ ...given, endpoint: undefined }, {}, { allowAnonymous: true });
    vi.stubEnv('STORAGE_EMULATOR_HOST', `http://127.0.0.1:${server.port}`);
    await store.put('a', text('x'), createOnly);
    expect(keys()).toEqual(['root/a']);
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
  });
});
