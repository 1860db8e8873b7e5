import { parseArgs } from 'node:util';
import { startS3Server } from './s3-server.ts';

/**
 * The S3 test server as a process of its own: prints its URL on the first line, ends on SIGTERM.
 * usage: node s3-server-main.ts [--port N] [--bucket NAME]… [--access-key-id ID] [--secret-access-key SECRET]
 */
const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    bucket: { type: 'string', multiple: true, default: ['bucket'] },
    'access-key-id': { type: 'string', default: 'test' },
    'secret-access-key': { type: 'string', default: 'testsecret' },
  },
});

const server = await startS3Server({
  port: Number(values.port),
  buckets: values.bucket,
  accessKeyId: values['access-key-id'],
  secretAccessKey: values['secret-access-key'],
});
process.stdout.write(`${server.url}\n`);

const stop = () => void server.stop().then(() => process.exit(0));
process.once('SIGTERM', stop).once('SIGINT', stop);
