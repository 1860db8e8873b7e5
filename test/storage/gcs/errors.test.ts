import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { milliseconds } from '../../../src/quantities.ts';
import { GcsAccessFailure, GcsRefusal, gcsError } from '../../../src/storage/gcs/errors.ts';
import { bodyFromBytes } from '../../../src/storage/object-body.ts';
import { openStore } from '../../../src/storage/open-store.ts';
import type { GcsStoreOptions } from '../../../src/storage/store-options.ts';
import { startGcsServer } from '../../servers/gcs-server.ts';
import { gcsOptions } from './backend.ts';

const operation = { permission: 'storage.objects.get', url: 'gs://bucket/key' } as const;
const settings = { connectTimeout: milliseconds(500), idleTimeout: milliseconds(500), attempts: 1 };

/** Credentials are good: what is wrong is where the objects should be. */
async function open(changes: Partial<GcsStoreOptions>) {
  const tokens = await startGcsServer();
  const store = await openStore(gcsOptions(tokens, changes), settings);
  onTestFinished(async () => {
    await store.close();
    await tokens.stop();
  });
  return store;
}

describe('where no answer comes', () => {
  it.each([
    ['http://no-such-host.invalid', /^E[A-Z_]+: /],
    ['http://127.0.0.1:9', /^ECONNREFUSED: /],
  ])('%s is unreachable', async (endpoint, message) => {
    const store = await open({ endpoint });
    await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({
      code: 'STORAGE_UNREACHABLE',
      message: expect.stringMatching(message),
    });
  });

  it('several refused addresses of one name are told as one', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED ::1:9'), { code: 'ECONNREFUSED' });
    const both = Object.assign(new AggregateError([refused, refused], ''), { code: 'ECONNREFUSED' });
    expect(gcsError(both, operation).message).toMatch(/^ECONNREFUSED: connect ECONNREFUSED ::1:9 /);
  });

  it('a certificate that is not trusted says what to do', () => {
    const error = Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    expect(gcsError(error, operation)).toMatchObject({
      code: 'STORAGE_UNREACHABLE',
      hint: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
    });
  });
});

describe('an answer that is not Google’s', () => {
  it.each([
    [502, '<html><body>Bad Gateway</body></html>', 'STORAGE_UNREACHABLE'],
    [503, 'no healthy upstream', 'STORAGE_THROTTLED'],
    [403, '', 'STORAGE_DENIED'],
    [302, 'elsewhere', 'STORAGE_BROKEN'],
    [308, 'elsewhere', 'STORAGE_BROKEN'],
    [200, '<html><body>Please log in</body></html>', 'STORAGE_BROKEN'],
    [200, '{"kind":"storage#bucket"}', 'STORAGE_BROKEN'],
    [200, '', 'STORAGE_BROKEN'],
  ])('(%i %j) is %s, never an empty list or a stored object', async (status, body, code) => {
    const proxy = createServer((_, response) => response.writeHead(status).end(body)).listen(0, '127.0.0.1');
    onTestFinished(() => void proxy.close());
    await new Promise((resolve) => proxy.once('listening', resolve));
    const store = await open({ endpoint: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` });
    await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject({ code });
    await expect(store.put('a', bodyFromBytes(Buffer.from('x')), { createOnly: true })).rejects.toMatchObject({ code });
  });
});

describe('Google’s own word', () => {
  it('is the reason in a JSON answer, and its text the message', () => {
    const body = JSON.stringify({
      error: {
        code: 403,
        message: 'sa@p.iam.gserviceaccount.com does not have storage.objects.get access.',
        errors: [{ reason: 'forbidden' }],
      },
    });
    expect(gcsError(new GcsRefusal(403, {}, body), operation)).toMatchObject({
      code: 'STORAGE_DENIED',
      message:
        'forbidden: sa@p.iam.gserviceaccount.com does not have storage.objects.get access. (storage.objects.get on gs://bucket/key)',
      hint: expect.stringContaining('the service account lacks storage.objects.get on gs://bucket/key'),
    });
  });

  it('is the status where the answer is plain text', () => {
    expect(gcsError(new GcsRefusal(404, {}, 'No such object: bucket/key'), operation).message).toBe(
      'HTTP 404: No such object: bucket/key (storage.objects.get on gs://bucket/key)',
    );
  });

  it('is that of the token endpoint where there was no token', () => {
    const error = Object.assign(new Error('invalid_grant: Invalid JWT Signature.'), {
      response: { status: 400, data: { error: 'invalid_grant' } },
    });
    expect(gcsError(new GcsAccessFailure(error), operation)).toMatchObject({
      code: 'STORAGE_DENIED',
      message: expect.stringMatching(/^invalid_grant: /),
    });
  });

  it('of a token endpoint that is down is no refusal', () => {
    const error = Object.assign(new Error('down'), { response: { status: 500, data: '' } });
    expect(gcsError(new GcsAccessFailure(error), operation).code).toBe('STORAGE_UNREACHABLE');
  });
});
