import { expect, test } from 'vitest';
import { createLog } from '../../src/observe/create-log.ts';
import { createEphemeralReplication } from '../../src/supervisor/ephemeral-replication.ts';

test('ephemeral mode warns in the words of the guide, and names what would end it', async () => {
  let text = '';
  const stream = { write: (line: string) => (text += line) };
  const log = createLog({ format: 'logfmt', level: 'INFO', stream });
  const replication = createEphemeralReplication(log, ['LITESTREAM_S3_BUCKET', 'LITESTREAM_GCS_BUCKET']);
  await replication.prepare(new AbortController().signal);
  expect(text).toContain('level=WARN msg="⚠️ No Litestream replica configured. Running in ephemeral mode."');
  expect(text).toContain('set="LITESTREAM_S3_BUCKET, LITESTREAM_GCS_BUCKET"');
  expect(await replication.drain(AbortSignal.abort())).toEqual({ complete: true, replicas: [] });
});
