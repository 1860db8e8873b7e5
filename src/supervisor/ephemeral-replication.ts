import type { Log } from '../observe/log.ts';
import type { Replication } from './replication-port.ts';

/** Word for word what the replication guide tells operators to look for. */
const ephemeralWarning = '⚠️ No Litestream replica configured. Running in ephemeral mode.';

/**
 * The replication of ephemeral mode: it warns once, at the start, and does nothing.
 * `variables`: those of which any one, if set, would configure a replica.
 */
export function createEphemeralReplication(log: Log, variables: readonly string[]): Replication {
  return {
    prepare: async () => {
      log.warn(ephemeralWarning, { set: variables.join(', ') });
    },
    syncSoon: () => {},
    drain: async () => ({ complete: true, replicas: [] }),
    failed: new Promise(() => {}),
    handover: new Promise(() => {}),
    close: async () => {},
  };
}
