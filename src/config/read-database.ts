import { bytes, type Milliseconds, milliseconds } from '../quantities.ts';
import type { CompactionConfig, DatabaseEntry, NotConfiguredReplica, ReplicaConfig } from './config.ts';
import { stagingFolderBeside } from './folder-database.ts';
import { nameReplicas } from './name-replicas.ts';
import { readFolder, reportKeysOfFolders } from './read-folder.ts';
import { readReplica } from './read-replica.ts';
import { readSection } from './read-section.ts';
import { addProblem, type ConfigReading } from './reading.ts';
import type { ReplicaReading } from './replica-reading.ts';
import { resolveDatabasePath, resolvePath } from './resolve-path.ts';
import { find, findDuration, findSize, findText, type Section } from './section.ts';
import type { MapTree } from './tree.ts';

const gibibyte = bytes(1024 ** 3);

/** One entry of `dbs`. Undefined where it names no database; what is wrong is among the problems. */
export function readDatabase(map: MapTree, around: Omit<ReplicaReading, 'database'>): DatabaseEntry | undefined {
  const { reading, context, top } = around;
  const database = readSection(map, 'database', reading);
  const [path, folder] = [find([database], 'path'), find([database], 'dir')];
  const maps = replicaMaps(database, reading);
  const found = maps.map((one) => readReplica(one, { ...around, database }));
  const names = nameReplicas(found, reading);
  if (path === undefined && folder === undefined) {
    reportNoPath(database, reading);
    return undefined;
  }
  const replicas: ReplicaConfig[] = [];
  const notConfigured: NotConfiguredReplica[] = [];
  for (const [index, { outcome }] of found.entries()) {
    const name = names[index] ?? '';
    if (outcome.kind === 'configured') replicas.push({ name, ...outcome.replica });
    if (outcome.kind === 'not-configured') notConfigured.push({ name, ...outcome.replica });
  }
  const outer = [database, top];
  const settings = {
    stagingMaxBytes: findSize(outer, 'staging-max-bytes') ?? gibibyte,
    replicas,
    notConfigured,
    restore: { quickCheckMaxBytes: findSize(outer, 'restore-check-max-bytes') ?? gibibyte },
    compaction: readCompaction(top, reading),
    where: database.where.text,
  };
  if (folder !== undefined) return readFolder(folder, database, settings, around);
  if (path === undefined) return undefined;
  reportKeysOfFolders(database, reading);
  const absolute = resolveDatabasePath(String(path.value), context);
  const metaPath = findText([database], 'meta-path');
  const stagingFolder = metaPath === undefined ? stagingFolderBeside(absolute) : resolvePath(metaPath, context);
  return { kind: 'database', database: { ...settings, path: absolute, stagingFolder } };
}

function replicaMaps(database: Section, reading: ConfigReading): readonly MapTree[] {
  const many = database.nested.get('replicas') ?? [];
  const single = database.nested.get('replica') ?? [];
  // An empty list is said on purpose; a forgotten one is a mistake.
  const given = database.nested.has('replicas') || single.length > 0;
  if (many.length > 0 && single.length > 0) {
    const hint = 'put all of them under "replicas"';
    addProblem(reading, database.where, 'CONFIG_VALUE', '"replica" and "replicas" are both given', hint);
  } else if (!given && reading.problems.length === 0) {
    const hint = 'add "replicas:", or remove the file to run without one';
    addProblem(reading, database.where, 'CONFIG_VALUE', 'the database has no "replicas"', hint);
  }
  return [...many, ...single];
}

function reportNoPath(database: Section, reading: ConfigReading): void {
  // A path that was refused has been reported; what else is missing may wait.
  if (reading.problems.length > 0) return;
  const variables = database.blank.get('path') ?? [];
  if (variables.length > 0) {
    const message = `"path" of the database needs ${variables.join(', ')}, which is not set`;
    addProblem(reading, database.where, 'CONFIG_ENVIRONMENT', message, `set ${variables.join(', ')}`);
  } else {
    addProblem(reading, database.where, 'CONFIG_VALUE', 'the database has no "path"', 'add "path: /data/station.db"');
  }
}

/** Snapshots are at level 9. */
const MOST_LEVELS = 8;

/** Litestream's own defaults: 30 s, 5 min, 1 h, and merged level-0 files for 5 more minutes. */
function readCompaction(top: Section, reading: ConfigReading): CompactionConfig {
  const levels: Milliseconds[] = [];
  for (const map of top.nested.get('levels') ?? []) {
    const level = readSection(map, 'level', reading);
    const interval = findDuration([level], 'interval');
    if (interval === undefined) {
      addProblem(reading, level.where, 'CONFIG_VALUE', 'the level has no "interval"', 'add "interval: 30s"');
    } else if (interval < (levels.at(-1) ?? 0)) {
      const hint = 'write longer intervals for higher levels';
      addProblem(reading, level.where, 'CONFIG_VALUE', '"interval" is shorter than that of the level before', hint);
    } else {
      levels.push(interval);
    }
  }
  if (levels.length > MOST_LEVELS) {
    const hint = `Litestream knows ${MOST_LEVELS}; remove some`;
    addProblem(reading, top.where, 'CONFIG_VALUE', `there are ${levels.length} "levels"`, hint);
  }
  return {
    levels: levels.length > 0 ? levels : [30_000, 300_000, 3_600_000].map(milliseconds),
    level0Retention: findDuration([top], 'l0-retention') ?? milliseconds(300_000),
    level0RetentionCheckInterval: findDuration([top], 'l0-retention-check-interval') ?? milliseconds(15_000),
  };
}
