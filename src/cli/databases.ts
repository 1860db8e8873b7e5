import type { DatabaseConfig } from '../config/config.ts';
import type { DatabasesOptions } from './inspect-options.ts';
import { readConfig } from './load.ts';
import { print, tableLines } from './text-table.ts';

/** Lists the databases of the config. Resolves to the exit status. */
export async function databasesCommand(options: DatabasesOptions): Promise<number> {
  const { databases } = readConfig(options);
  print(
    options.json,
    () => databases.map(toJson),
    () =>
      tableLines(
        ['path', 'replica'],
        databases.map(({ path, replicas }) => [path, replicas.map(({ name }) => name).join(',') || '-']),
      ),
  );
  return 0;
}

/** `path` and `replica` (the type of the first) are Litestream's. */
function toJson({ path, stagingFolder, replicas, notConfigured }: DatabaseConfig) {
  return {
    path,
    replica: replicas[0]?.store.type ?? null,
    replicas: replicas.map(({ name, store }) => ({ name, type: store.type })),
    not_configured: notConfigured.map(({ name, type, variables }) => ({ name, type, variables })),
    staging_folder: stagingFolder,
  };
}
