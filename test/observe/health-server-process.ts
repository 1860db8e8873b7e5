/** Serves the health endpoints on the address given, and has nothing else to do for as long as stdin is open. */
import { createLog } from '../../src/observe/create-log.ts';
import { serveHealth } from '../../src/observe/health-server.ts';

const [host = '127.0.0.1', port = '0'] = process.argv.slice(2);
const notReady = { kind: 'not-ready', reason: 'the password is hunter22' } as const;
serveHealth({
  address: { host, port: Number(port) },
  state: () => ({
    life: {
      phase: 'restoring',
      readiness: notReady,
      startup: notReady,
      restarts: 0,
      stop: undefined,
      handedTo: undefined,
    },
    holder: undefined,
  }),
  clean: (text) => text.replaceAll('hunter22', '[redacted]'),
  log: createLog({ format: 'logfmt', level: 'INFO' }),
});
process.stdin.resume();
