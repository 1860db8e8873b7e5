import { existsSync } from 'node:fs';
import type { DatabaseConfig, DatabaseFolderConfig } from '../config/config.ts';
import { isStationError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import { becomeUser } from './become-user.ts';
import { checkPlaces } from './check-places.ts';
import { ownPlace } from './own-place.ts';
import { placesOfAll, placesOfFolders } from './places.ts';
import type { User } from './user.ts';

/** The last that is done as root: every folder is made and given to the user, whom this process then is for good. */
export function settleAs(
  user: User,
  databases: readonly DatabaseConfig[],
  folders: readonly DatabaseFolderConfig[] = [],
): void {
  for (const { data, staging, replicas } of [...placesOfAll(databases), ...placesOfFolders(folders)]) {
    const places = [data, ...(staging === undefined ? [] : [staging]), ...replicas.map(({ place }) => place)];
    for (const place of places) ownPlace(place, user);
  }
  becomeUser(user);
}

/**
 * Looks whether the folders can be written by whom we are now.
 * @param assumed nobody named the database: its folder may not concern the command at all
 * @throws StationError DATA_FOLDER
 */
export function checkFolders(
  databases: readonly DatabaseConfig[],
  assumed: boolean,
  log: Log,
  folders: readonly DatabaseFolderConfig[] = [],
): void {
  for (const places of [...placesOfAll(databases), ...placesOfFolders(folders)]) {
    const isAssumed = assumed && places.staging === undefined;
    if (isAssumed && !existsSync(places.data.path)) continue;
    try {
      for (const { message, hint } of checkPlaces(places)) {
        log.error(`replica left behind: ${message}`, { db: places.database, hint });
      }
    } catch (error) {
      if (!isAssumed || !isStationError(error)) throw error;
      log.warn(error.message, { db: places.database, hint: error.hint });
    }
  }
}
