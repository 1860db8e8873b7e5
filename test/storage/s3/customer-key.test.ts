/** A replica that the store encrypts with a key of the customer's, which it does not keep (SSE-C). */
import { expect, it } from 'vitest';
import { Site } from '../../e2e/life.ts';
import { s3Replica, startStore } from '../../e2e/s3-site.ts';

const key = Buffer.alloc(32, 7).toString('base64');
const another = Buffer.alloc(32, 8).toString('base64');

it('brings the database back after each loss, to whoever has the key alone', async () => {
  await using server = await startStore();
  await using site = new Site([{ ...s3Replica(server, server.url), 'sse-customer-key': '$CUSTOMER_KEY' }]);
  const withKey = { environment: { CUSTOMER_KEY: key } };
  const first = await site.run(['add=3'], withKey);
  expect(first.code, first.log()).toBe(0);
  // The same disk again, then none, then none again.
  expect((await site.run(['list', 'add=2'], withKey)).seen()).toEqual([1, 2, 3]);
  for (const [rows, script] of [
    [5, 'add=1'],
    [6, 'add=1'],
  ] as const) {
    site.wipe();
    const life = await site.run(['list', script], withKey);
    expect(life.code, life.log()).toBe(0);
    expect(life.seen()).toEqual(Array.from({ length: rows }, (_, index) => index + 1));
    expect(life.log()).not.toContain(key);
  }
  for (const object of server.objects('bucket')) {
    expect(object.headers['x-amz-server-side-encryption-customer-algorithm'], object.key).toBe('AES256');
  }

  site.wipe();
  for (const [replica, words] of [
    [{ ...s3Replica(server, server.url), 'sse-customer-key': another }, /AccessDenied: .*hint=.*sse-customer-key/],
    [s3Replica(server, server.url), /InvalidRequest: .*hint=.*sse-customer-key/],
  ] as const) {
    const life = await site.run(['add=1'], { replicas: [replica] });
    expect(life.code, life.log()).toBe(69);
    expect(life.log()).toMatch(words);
    expect(life.output()).toBe('');
    expect(life.log()).not.toContain(another);
  }
});
