import { describe, expect, it } from 'vitest';
import { bytes, milliseconds } from '../../../src/quantities.ts';
import { readAll } from '../../../src/storage/object-body.ts';
import { startGcsServer } from '../../servers/gcs-server.ts';
import { steadyNow } from '../../servers/steady-now.ts';
import { describeRemoteStore } from '../conformance.ts';
import { CHUNK, createOnly, text } from '../impatient.ts';
import { patternBody } from '../pattern-body.ts';
import { gcsBackend } from './backend.ts';
import { started } from './started.ts';

describeRemoteStore('our GCS server', async () => gcsBackend(await startGcsServer({ now: steadyNow })));

const hang = (operation: string) => ({ when: { operation }, do: { kind: 'hang' } }) as const;
const drop = (operation: string, at: 'start' | 'half-request' | 'response', times = 1) =>
  ({ when: { operation }, times, do: { kind: 'drop', at } }) as const;

describe('what stock Litestream finds', () => {
  it.each([
    ['db/one', 'db/one/ltx/0/a.ltx'],
    ['', 'ltx/0/a.ltx'],
    ['db//one/', 'db/one/ltx/0/a.ltx'],
    ['/db', '/db/ltx/0/a.ltx'],
  ])('under path %j is %j', async (path, name) => {
    const { store, keys } = await started({ path });
    await store.put('ltx/0/a.ltx', text('x'), createOnly);
    expect(keys()).toEqual([name]);
    expect((await Array.fromAsync(store.list('ltx/'))).map(({ key }) => key)).toEqual(['ltx/0/a.ltx']);
  });

  it('carries its timestamp and type, in one request as in chunks', async () => {
    const { server, store } = await started();
    const timestamp = milliseconds(Date.UTC(2026, 10, 25, 7, 46, 36, 900));
    await store.put('small', text('x'), { ...createOnly, timestamp });
    await store.put('large', patternBody(3 * CHUNK).body, { ...createOnly, timestamp });
    for (const object of server.objects('bucket')) {
      expect(object.metadata).toEqual({ 'litestream-timestamp': '2026-11-25T07:46:36.900Z' });
      expect(object.contentType).toBe('application/octet-stream');
    }
  });
});

describe('a list', () => {
  it('asks for what comes after a key, not for all before it', async () => {
    const { server, store } = await started();
    const keys = Array.from({ length: 1_002 }, (_, index) => `${index}`.padStart(4, '0'));
    for (let first = 0; first < keys.length; first += 50) {
      await Promise.all(keys.slice(first, first + 50).map((key) => store.put(key, text(key), createOnly)));
    }
    const asked = server.requests.length;
    const found = await Array.fromAsync(store.list('', { startAfter: '0999' }));
    expect(found.map(({ key }) => key)).toEqual(['1000', '1001']);
    expect(server.requests).toHaveLength(asked + 1);
  });
});

describe('an upload in chunks', () => {
  it('is what was given, whatever the size around the chunk’s', async () => {
    const { store } = await started();
    for (const size of [CHUNK - 1, CHUNK, CHUNK + 1, 4 * CHUNK, 4 * CHUNK + 17]) {
      const { body } = patternBody(size);
      await store.put(`${size}`, body, createOnly);
      const expected = Buffer.concat(await Array.fromAsync(body.open()));
      expect(Buffer.compare(await readAll(store, `${size}`, size), expected)).toBe(0);
    }
  });

  it('shows its token where it begins', async () => {
    const { server, store } = await started();
    await store.put('a', patternBody(2 * CHUNK).body, createOnly);
    const start = server.requests.find((request) => request.operation === 'StartUpload');
    expect(start?.headers.authorization).toMatch(/^Bearer /);
  });

  it.each(['start', 'half-request', 'response'] as const)(
    'that breaks at the %s goes on where it stood',
    async (at) => {
      const { server, store, operations } = await started({}, { chunkSize: bytes(4 * CHUNK) });
      server.faults.add(drop('UploadChunk', at));
      const { body } = patternBody(9 * CHUNK);
      await store.put('a', body, createOnly);
      const expected = Buffer.concat(await Array.fromAsync(body.open()));
      expect(Buffer.compare(await server.read('bucket', 'root/a'), expected)).toBe(0);
      expect(operations().filter((operation) => operation === 'UploadState')).toHaveLength(1);
      const ranges = server.requests.flatMap(({ operation, headers }) =>
        operation === 'UploadChunk' ? [headers['content-range']] : [],
      );
      const next = { start: 0, 'half-request': 2 * CHUNK, response: 4 * CHUNK }[at];
      expect(ranges[1]).toMatch(new RegExp(`^bytes ${next}-`));
    },
  );

  it('whose last answer got lost is found to be complete', async () => {
    const { server, store, keys } = await started({}, { chunkSize: bytes(4 * CHUNK) });
    server.faults.add({ ...drop('UploadChunk', 'response'), when: { operation: 'UploadChunk' } });
    await store.put('a', patternBody(4 * CHUNK + 1).body, createOnly);
    expect(keys()).toEqual(['root/a']);
  });

  it('that fails leaves neither object nor upload', async () => {
    const { server, store, keys } = await started();
    server.faults.add({
      when: { operation: 'UploadChunk' },
      do: { kind: 'answer', status: 500, code: 'backendError' },
    });
    await expect(store.put('a', patternBody(4 * CHUNK).body, createOnly)).rejects.toMatchObject({
      code: 'STORAGE_UNREACHABLE',
    });
    expect(keys()).toEqual([]);
    expect(server.unfinishedUploads('bucket')).toBe(0);
  });

  it('that is aborted leaves neither object nor upload', async () => {
    const { server, store, keys } = await started({}, { idleTimeout: milliseconds(20_000) });
    server.faults.add(hang('UploadChunk'));
    const reason = new Error('enough');
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 100);
    const put = store.put('a', patternBody(4 * CHUNK).body, { ...createOnly, signal: controller.signal });
    await expect(put).rejects.toBe(reason);
    expect(keys()).toEqual([]);
    expect(server.unfinishedUploads('bucket')).toBe(0);
  });

  it('is refused at its end where another was faster', async () => {
    const { server, store } = await started();
    server.faults.add({ when: { operation: 'UploadChunk' }, times: 1, do: { kind: 'delay', milliseconds: 200 } });
    const slow = store.put('a', patternBody(4 * CHUNK).body, createOnly);
    await expect.poll(() => server.unfinishedUploads('bucket')).toBe(1);
    await store.put('a', text('first'), createOnly);
    await expect(slow).rejects.toMatchObject({ code: 'STORAGE_ALREADY_EXISTS' });
    expect((await readAll(store, 'a', 10)).toString()).toBe('first');
    expect(server.unfinishedUploads('bucket')).toBe(0);
  });

  it('that the store has forgotten is unreachable, not absent', async () => {
    const { server, store } = await started();
    server.faults.add({ when: { operation: 'UploadChunk' }, do: { kind: 'answer', status: 410, code: 'gone' } });
    await expect(store.put('a', patternBody(4 * CHUNK).body, createOnly)).rejects.toMatchObject({
      code: 'STORAGE_UNREACHABLE',
      message: expect.stringContaining('is gone'),
    });
  });
});

describe('bytes that change on the way', () => {
  it.each([
    ['in one request', 1, 'InsertObject'],
    ['in the first chunk', 3, 'UploadChunk'],
  ])('%s are refused by the store', async (_, chunks, operation) => {
    const garble = { left: 2 };
    const onReceive = (received: string, body: Buffer) => {
      if (received === operation && garble.left-- > 0)
        body.writeUInt8(body.readUInt8(body.length - 99) ^ 1, body.length - 99);
    };
    const { store, keys } = await started({}, {}, { onReceive });
    const put = () => store.put('a', patternBody(chunks * CHUNK).body, createOnly);
    await expect(put()).rejects.toMatchObject({
      code: 'STORAGE_UNREACHABLE',
      message: expect.stringContaining("doesn't match calculated"),
    });
    expect(keys()).toEqual([]);
    await put();
  });
});

describe('deleting', () => {
  it('fails where a key is refused', async () => {
    const { server, store } = await started();
    for (const key of ['a', 'b', 'c']) await store.put(key, text('x'), createOnly);
    server.faults.add({
      when: { operation: 'DeleteObject', key: 'b$' },
      do: { kind: 'answer', status: 403, code: 'retentionPolicyNotMet' },
    });
    await expect(store.delete(['a', 'b', 'c'])).rejects.toMatchObject({
      code: 'STORAGE_DENIED',
      hint: expect.stringContaining('retention policy'),
    });
  });

  it('in a bucket that does not exist is an error', async () => {
    const { store } = await started({ bucket: 'there-is-none' });
    await expect(store.delete(['a'])).rejects.toMatchObject({ code: 'STORAGE_NOT_FOUND' });
  });
});
