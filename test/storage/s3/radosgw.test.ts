import { describe, expect, it } from 'vitest';
import { radosgwMissing, startRadosgw } from '../../servers/radosgw.ts';
import { describeRemoteStore } from '../conformance.ts';
import { s3Backend } from './backend.ts';

const missing = await radosgwMissing();

if (missing === undefined) {
  describeRemoteStore('a real S3 server (radosgw)', async () => {
    const server = await startRadosgw();
    return s3Backend(server, { stop: () => server.stop() });
  });
} else {
  describe('a real S3 server (radosgw)', () => {
    it(`is there in CI (not judged here: ${missing})`, () => {
      console.warn(`The S3 store is not judged by a real server here: ${missing}`);
      expect(process.env['CI'], missing).toBeUndefined();
    });
  });
}
