import type { CompactionConfig, ReplicaConfig } from '../../config/config.ts';
import type { Milliseconds } from '../../quantities.ts';

/** When a replica is merged, copied whole, and cleared of what is no longer promised. */
export interface UpkeepSettings {
  /** Interval of level 1, 2, …; none: nothing is merged. */
  readonly mergeIntervals: readonly Milliseconds[];
  readonly snapshotInterval: Milliseconds;
  readonly level0Duration: Milliseconds;
  readonly level0CheckInterval: Milliseconds;
  readonly retention: ReplicaConfig['retention'];
}

export function upkeepSettings(compaction: CompactionConfig, replica: ReplicaConfig): UpkeepSettings {
  return {
    mergeIntervals: compaction.levels,
    snapshotInterval: replica.snapshotInterval,
    level0Duration: compaction.level0Retention,
    level0CheckInterval: compaction.level0RetentionCheckInterval,
    retention: replica.retention,
  };
}
