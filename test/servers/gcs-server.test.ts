import { File, Storage } from '@google-cloud/storage';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type GcsServerOptions, startGcsServer } from './gcs-server.ts';

/** Google's own client, by its own operations, as far as it is judge of a server. */
async function started(options: GcsServerOptions = {}) {
  // It warns of every way to give it a key.
  vi.spyOn(console, 'warn').mockImplementation(() => {});
  const server = await startGcsServer({ buckets: ['bucket'], ...options });
  const key = JSON.parse(server.serviceAccountKey);
  const storage = new Storage({
    apiEndpoint: server.url,
    useAuthWithCustomEndpoint: true,
    credentials: key,
    retryOptions: { autoRetry: false },
    clientOptions: {
      transporterOptions: {
        adapter: (request, send) => {
          if (request.url.hostname === 'oauth2.googleapis.com') request.url = new URL(key.token_uri);
          return send(request);
        },
      },
    },
  });
  onTestFinished(() => server.stop());
  return { server, bucket: storage.bucket('bucket') };
}

const createOnly = { preconditionOpts: { ifGenerationMatch: 0 } } as const;
const md5 = { validation: 'md5' } as const;
/** Its resumable uploads begin without a token wherever the endpoint is not Google's. */
const forResumable = (resumable: boolean) => ({ allowAnonymous: resumable });

describe('Google’s own client', () => {
  it.each([true, false])('puts and reads, its checksums compared (resumable: %s)', async (resumable) => {
    const { bucket } = await started(forResumable(resumable));
    const content = Buffer.alloc(700_000, 'abc');
    await bucket.file('a/ü b').save(content, { resumable, ...md5, metadata: { metadata: { one: '1' } } });
    const [read] = await bucket.file('a/ü b').download(md5);
    expect(read.equals(content)).toBe(true);
    const [part] = await bucket.file('a/ü b').download({ start: 3, end: 8 });
    expect(part.toString()).toBe('abcabc');
    const [metadata] = await bucket.file('a/ü b').getMetadata();
    expect(metadata).toMatchObject({ size: '700000', metadata: { one: '1' } });
  });

  it.each([true, false])('is refused where the name is taken (resumable: %s)', async (resumable) => {
    const { bucket } = await started(forResumable(resumable));
    const file = () => new File(bucket, 'a', createOnly);
    await file().save('first', { resumable, ...md5 });
    await expect(file().save('second', { resumable, ...md5 })).rejects.toMatchObject({ code: 412 });
    const [read] = await bucket.file('a').download(md5);
    expect(read.toString()).toBe('first');
  });

  it('uploads in chunks, and is told how far it came', async () => {
    const { server, bucket } = await started(forResumable(true));
    const chunkSize = 256 * 1024;
    await bucket.file('a').save(Buffer.alloc(3 * chunkSize + 1), { resumable: true, chunkSize, ...md5 });
    expect(server.requests.filter(({ operation }) => operation === 'UploadChunk')).toHaveLength(4);
    expect((await server.read('bucket', 'a')).length).toBe(3 * chunkSize + 1);
  });

  it('lists by prefix and offset over pages, and deletes', async () => {
    const { bucket } = await started();
    for (const name of ['x/1', 'x/2', 'x/3', 'x/4', 'y/1'])
      await bucket.file(name).save('x', { resumable: false, ...md5 });
    const query = { prefix: 'x/', startOffset: 'x/2', maxResults: 2, autoPaginate: false };
    const [first, next] = await bucket.getFiles(query);
    const [second, end] = await bucket.getFiles(next ?? {});
    expect([...first, ...second].map((file) => file.name)).toEqual(['x/2', 'x/3', 'x/4']);
    expect(end).toBeNull();
    await bucket.file('x/3').delete();
    await expect(bucket.file('x/3').delete()).rejects.toMatchObject({ code: 404 });
    await bucket.file('x/3').delete({ ignoreNotFound: true });
  });
});

describe('who may', () => {
  const ask = (url: string, authorization?: string) =>
    fetch(`${url}/storage/v1/b/bucket/o`, { headers: authorization === undefined ? {} : { authorization } });

  it('is who shows a token that was given', async () => {
    const { server } = await started();
    const refused = await ask(server.url);
    expect(refused.status).toBe(401);
    expect(await refused.json()).toMatchObject({ error: { code: 401, errors: [{ reason: 'required' }] } });
    expect((await ask(server.url, 'Bearer ya29.invented')).status).toBe(401);
  });

  it('may be anyone, where that was asked for; a wrong token is still wrong', async () => {
    const { server } = await started({ allowAnonymous: true });
    expect((await ask(server.url)).status).toBe(200);
    expect((await ask(server.url, 'Bearer ya29.invented')).status).toBe(401);
  });
});
