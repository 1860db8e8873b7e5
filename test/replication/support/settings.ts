import { milliseconds } from '../../../src/quantities.ts';
import type { ReplicationClocks, ReplicationSettings } from '../../../src/replication/replication-settings.ts';

/** Of a life within the test's own process, which no other instance is to come into. */
export const settings: ReplicationSettings = {
  restore: { quorum: 'any', from: undefined },
  restoreTimeout: milliseconds(5_000),
  lookTimeout: milliseconds(2_000),
  onConflict: 'stop',
  integrity: 'quick',
  integrityMaxBytes: undefined,
  lease: { kind: 'off' },
};

export const clocks: ReplicationClocks = {
  wall: () => milliseconds(Date.now()),
  monotonic: () => milliseconds(performance.now()),
  random: Math.random,
};
