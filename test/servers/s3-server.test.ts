import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { decodeAwsChunked } from './s3-aws-chunked.ts';
import { startS3Server } from './s3-server.ts';
import { hmac } from './s3-signature.ts';

async function started(config: S3ClientConfig = {}) {
  const server = await startS3Server({ buckets: ['bucket'] });
  const client = new S3Client({
    endpoint: server.url,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: server,
    maxAttempts: 1,
    ...config,
  });
  onTestFinished(async () => {
    client.destroy();
    await server.stop();
  });
  return { server, client };
}

const object = (Key: string, Body: string) => new PutObjectCommand({ Bucket: 'bucket', Key, Body });

describe('aws-chunked bodies', () => {
  /** The example of Amazon's own documentation of Signature Version 4 for chunked uploads. */
  const example = () => {
    const scope = '20130524/us-east-1/s3/aws4_request';
    const signingKey = scope
      .split('/')
      .reduce<Buffer>((key, part) => hmac(key, part), Buffer.from('AWS4wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'));
    const signed = {
      payload: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
      signature: '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
      date: '20130524T000000Z',
      scope,
      signingKey,
    };
    const body = [
      `10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n${'a'.repeat(65_536)}\r\n`,
      `400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n${'a'.repeat(1_024)}\r\n`,
      '0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n',
    ].join('');
    return { signed, body };
  };
  const decode = (body: string, signed: ReturnType<typeof example>['signed']) =>
    Array.fromAsync(decodeAwsChunked(Readable.from([Buffer.from(body)]) as IncomingMessage, signed, {}));

  it('are decoded, their signatures checked', async () => {
    const { signed, body } = example();
    expect(Buffer.concat(await decode(body, signed))).toEqual(Buffer.alloc(66_560, 'a'));
  });

  it('are refused with a byte changed', async () => {
    const { signed, body } = example();
    await expect(decode(body.replace('aaa', 'aba'), signed)).rejects.toMatchObject({ code: 'SignatureDoesNotMatch' });
  });

  it('with a checksum in the trailer are taken from the SDK', async () => {
    const { server, client } = await started({ requestChecksumCalculation: 'WHEN_SUPPORTED' });
    const Body = Readable.from([Buffer.from('streamed, '), Buffer.from('in two pieces')]);
    await client.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'a', Body, ContentLength: 23 }));
    expect((await server.read('bucket', 'a')).toString()).toBe('streamed, in two pieces');
    expect(server.requests[0]?.headers['x-amz-content-sha256']).toBe('STREAMING-UNSIGNED-PAYLOAD-TRAILER');
  });
});

describe('signatures', () => {
  it('cover the body: one that was changed on its way is refused', async () => {
    const { client } = await started();
    client.middlewareStack.add(
      (next) => (args) => {
        (args.request as { body: unknown }).body = Buffer.from('B');
        return next(args);
      },
      { step: 'finalizeRequest', priority: 'low' },
    );
    await expect(client.send(object('a', 'A'))).rejects.toMatchObject({ name: /XAmzContentSHA256Mismatch|BadDigest/ });
  });

  it('are asked for', async () => {
    const { server } = await started();
    expect((await fetch(`${server.url}/bucket?list-type=2`)).status).toBe(403);
  });
});

describe('conditional writes', () => {
  it('with If-Match: 412 for another version, 404 where there is nothing', async () => {
    const { client } = await started();
    const { ETag } = await client.send(object('a', 'one'));
    const put = (Key: string, IfMatch: string | undefined) =>
      client.send(new PutObjectCommand({ Bucket: 'bucket', Key, Body: 'two', IfMatch }));
    await expect(put('a', '"0123456789abcdef0123456789abcdef"')).rejects.toMatchObject({ name: 'PreconditionFailed' });
    await expect(put('absent', ETag)).rejects.toMatchObject({ name: 'NoSuchKey' });
    await put('a', ETag);
  });

  it('that race: one wins, the others are told to try again', async () => {
    const { server, client } = await started();
    const race = () => client.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'a', Body: 'x', IfNoneMatch: '*' }));
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, race));
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
    const statuses = server.requests.map((entry) => entry.status).filter((status) => status !== 200);
    expect(statuses.every((status) => status === 409 || status === 412)).toBe(true);
  });
});

describe('multipart uploads', () => {
  it('refuse parts that are too small, missing or out of order', async () => {
    const { client } = await started();
    const target = { Bucket: 'bucket', Key: 'a' };
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(target));
    const part = async (PartNumber: number) => {
      const { ETag } = await client.send(new UploadPartCommand({ ...target, UploadId, PartNumber, Body: 'small' }));
      return { ETag, PartNumber };
    };
    const [one, two] = [await part(1), await part(2)];
    const complete = (...Parts: { ETag: string | undefined; PartNumber: number }[]) =>
      client.send(new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } }));
    await expect(complete(one, two)).rejects.toMatchObject({ name: 'EntityTooSmall' });
    await expect(complete(two, one)).rejects.toMatchObject({ name: 'InvalidPartOrder' });
    await expect(complete(one, { ...two, PartNumber: 3 })).rejects.toMatchObject({ name: 'InvalidPart' });
    expect((await complete(two)).ETag).toMatch(/^"[0-9a-f]{32}-1"$/);
    await expect(complete(two)).rejects.toMatchObject({ name: 'NoSuchUpload' });
  });
});

describe('lists', () => {
  it('fold at a delimiter and go on from page to page, in both versions', async () => {
    const { client } = await started();
    for (const key of ['a/1', 'a/2', 'b', 'c/1', 'd']) await client.send(object(key, 'x'));
    const input = { Bucket: 'bucket', Delimiter: '/', MaxKeys: 2 };
    const first = await client.send(new ListObjectsV2Command(input));
    expect(first).toMatchObject({ IsTruncated: true, CommonPrefixes: [{ Prefix: 'a/' }], Contents: [{ Key: 'b' }] });
    const second = await client.send(
      new ListObjectsV2Command({ ...input, ContinuationToken: first.NextContinuationToken }),
    );
    expect(second).toMatchObject({ IsTruncated: false, CommonPrefixes: [{ Prefix: 'c/' }], Contents: [{ Key: 'd' }] });
    const old = await client.send(new ListObjectsCommand({ ...input, Marker: 'b' }));
    expect(old).toMatchObject({ CommonPrefixes: [{ Prefix: 'c/' }], Contents: [{ Key: 'd' }] });
  });
});

it('a bucket may be named by the host', async () => {
  const { server } = await started();
  const call = request({
    port: server.port,
    host: '127.0.0.1',
    path: '/key',
    headers: { host: 'bucket.localhost' },
  }).end();
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  response.resume();
  expect(server.requests).toMatchObject([{ bucket: 'bucket', key: 'key', operation: 'GetObject' }]);
});

it('runs as a process of its own, its faults asked for over HTTP', async () => {
  const child = spawn(process.execPath, [new URL('s3-server-main.ts', import.meta.url).pathname, '--bucket', 'bucket']);
  onTestFinished(() => void child.kill('SIGKILL'));
  const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const credentials = { accessKeyId: 'test', secretAccessKey: 'testsecret' };
  const client = new S3Client({
    endpoint: url,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials,
    maxAttempts: 1,
  });
  const fault = { times: 1, do: { kind: 'answer', status: 503, code: 'SlowDown' } };
  await fetch(`${url}/_control/faults`, { method: 'POST', body: JSON.stringify(fault) });
  await expect(client.send(object('a', 'x'))).rejects.toMatchObject({ name: 'SlowDown' });
  await client.send(object('a', 'x'));
  const log = (await (await fetch(`${url}/_control/requests`)).json()) as { status: number }[];
  expect(log.map((entry) => entry.status)).toEqual([503, 200]);
  client.destroy();
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});
