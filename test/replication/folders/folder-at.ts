import type { DatabaseFolderConfig } from '../../../src/config/config.ts';
import { bytes, milliseconds } from '../../../src/quantities.ts';

/** A folder of `*.db`, replicated to these folders. */
export function folderAt(path: string, replicas: readonly string[] = []): DatabaseFolderConfig {
  const hour = milliseconds(3_600_000);
  return {
    path,
    pattern: '*.db',
    depth: 'this-folder',
    discovery: 'at-start',
    staging: { kind: 'beside' },
    template: {
      stagingMaxBytes: bytes(1 << 30),
      replicas: replicas.map((replica, index) => ({
        name: `file-${index + 1}`,
        store: { type: 'file', path: replica },
        syncInterval: milliseconds(1_000),
        maxUploadRate: undefined,
        snapshotInterval: hour,
        retention: { enabled: true, duration: hour, checkInterval: hour },
        validationInterval: undefined,
        where: 'test',
      })),
      notConfigured: [],
      restore: { quickCheckMaxBytes: bytes(1 << 30) },
      compaction: { levels: [], level0Retention: hour, level0RetentionCheckInterval: hour },
      where: 'test',
    },
  };
}
