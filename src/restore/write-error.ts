import { StationError } from '../errors.ts';

/** Refusals that no retry and no room on the disk will change. */
const REFUSALS: ReadonlySet<unknown> = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOTDIR', 'ELOOP']);

/** A system error met while writing a restored database: DATA_FOLDER where the folder refuses, else RESTORE_WRITE. */
export function writeError(what: string, cause: unknown): StationError {
  if (cause instanceof StationError) return cause;
  const errno = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StationError(REFUSALS.has(errno) ? 'DATA_FOLDER' : 'RESTORE_WRITE', `${what}: ${reason}`, { cause });
}
