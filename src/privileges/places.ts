import { basename, dirname } from 'node:path';
import type { DatabaseConfig, DatabaseFolderConfig } from '../config/config.ts';
import { databaseIn, folderAsDatabase, isMeant, isStagingName } from '../config/folder-database.ts';
import { scanFolder } from '../replication/folders/scan-folder.ts';

/** A folder that is written to, and those names in it that are ours: the rest of the folder is other people's. */
export interface Place {
  readonly kind: 'data' | 'staging' | 'replica';
  readonly path: string;
  isOurs(name: string): boolean;
}

export interface DatabasePlaces {
  readonly database: string;
  readonly data: Place;
  /** Undefined in ephemeral mode. */
  readonly staging: Place | undefined;
  /** Only replicas in folders have one. */
  readonly replicas: readonly { readonly name: string; readonly place: Place }[];
  /** True where nothing else than these folders could hold a copy. */
  readonly allReplicasAreFolders: boolean;
}

const inStaging = /^(ltx|station|generations?|set-aside-.*)$/;
/** The lease stands in `lock.json` and in what lies beside it, `lock.json.states`. */
const inReplica = /^(ltx|generations|lock\.json.*|\.doctor)$/;

/** The places of each database. Several may share one data folder, and then the files of all are ours in it. */
export function placesOfAll(databases: readonly DatabaseConfig[]): readonly DatabasePlaces[] {
  return databases.map((database) => {
    const folder = dirname(database.path);
    return placesOf(
      database,
      databases.filter(({ path }) => dirname(path) === folder),
    );
  });
}

/** Of each folder: itself and the roots of its replicas, and the places of the databases that are in it now. */
export function placesOfFolders(folders: readonly DatabaseFolderConfig[]): readonly DatabasePlaces[] {
  return folders.flatMap((folder) => {
    const { replicas, ...places } = placesOf(folderAsDatabase(folder), []);
    const database = (name: string) => name.replace(/-(wal|shm|journal)$/, '');
    const data: Place = {
      kind: 'data',
      path: folder.path,
      isOurs: (name) => isStagingName(name) || isMeant(folder, database(name)),
    };
    const found = scanFolder(folder).databases.map((relativePath) => databaseIn(folder, relativePath));
    return [{ ...places, data, staging: undefined, replicas }, ...placesOfAll(found)];
  });
}

function placesOf(database: DatabaseConfig, inSameFolder: readonly DatabaseConfig[]): DatabasePlaces {
  const { path, stagingFolder, replicas } = database;
  const folders = replicas.flatMap((replica) =>
    replica.store.type === 'file' ? [{ name: replica.name, path: replica.store.path }] : [],
  );
  return {
    database: path,
    data: {
      kind: 'data',
      path: dirname(path),
      isOurs: (entry) => inSameFolder.some((one) => belongsTo(one, entry)),
    },
    staging:
      replicas.length === 0
        ? undefined
        : { kind: 'staging', path: stagingFolder, isOurs: (entry) => inStaging.test(entry) },
    replicas: folders.map((folder) => ({
      name: folder.name,
      place: { kind: 'replica', path: folder.path, isOurs: (entry) => inReplica.test(entry) },
    })),
    allReplicasAreFolders: folders.length === replicas.length,
  };
}

function belongsTo({ path, stagingFolder }: DatabaseConfig, entry: string): boolean {
  if (entry === basename(stagingFolder) && dirname(stagingFolder) === dirname(path)) return true;
  const name = basename(path);
  return entry.startsWith(name) && /^(-wal|-shm|-journal|\.set-aside-.*)?$/.test(entry.slice(name.length));
}
