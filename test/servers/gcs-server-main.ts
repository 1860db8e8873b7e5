import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startGcsServer } from './gcs-server.ts';

/**
 * The GCS test server as a process of its own: prints its URL on the first line, ends on SIGTERM.
 * usage: node gcs-server-main.ts [--port N] [--bucket NAME]… [--key-file FILE] [--allow-anonymous]
 * `--key-file` is where the service account's key is written to.
 */
const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    bucket: { type: 'string', multiple: true, default: ['bucket'] },
    'key-file': { type: 'string' },
    'allow-anonymous': { type: 'boolean', default: false },
  },
});

const server = await startGcsServer({
  port: Number(values.port),
  buckets: values.bucket,
  allowAnonymous: values['allow-anonymous'],
});
if (values['key-file'] !== undefined) writeFileSync(values['key-file'], server.serviceAccountKey, { mode: 0o600 });
process.stdout.write(`${server.url}\n`);

const stop = () => void server.stop().then(() => process.exit(0));
process.once('SIGTERM', stop).once('SIGINT', stop);
