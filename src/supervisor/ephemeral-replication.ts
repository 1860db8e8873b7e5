import type { Log } from '../observe/log.ts';
import type { Replication } from './replication-port.ts';

/** Word for word what the replication guide tells operators to look for. */
export const ephemeralWarning = '⚠️ No Litestream replica configured. Running in ephemeral mode.';

/** Any one of these, or a config file, configures a replica. */
export const replicaVariables: readonly string[] = [
  'LITESTREAM_S3_BUCKET',
  'LITESTREAM_GCS_BUCKET',
  'LITESTREAM_ABS_BUCKET',
];

/** The replication of ephemeral mode: it warns once, at the start, and does nothing. */
export function createEphemeralReplication(log: Log): Replication {
  return {
    prepare: async () => {
      log.warn(ephemeralWarning, { set: replicaVariables.join(', ') });
    },
    syncSoon: () => {},
    drain: async () => ({ complete: true, replicas: [] }),
    failed: new Promise(() => {}),
    close: async () => {},
  };
}
