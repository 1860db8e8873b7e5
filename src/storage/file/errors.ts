import { type ErrorCode, StationError } from '../../errors.ts';

/** What each answer of the operating system means for a replica in a folder. Any other counts as unreachable. */
const codeOfErrno: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'STORAGE_NOT_FOUND',
  EEXIST: 'STORAGE_ALREADY_EXISTS',
  EACCES: 'STORAGE_DENIED',
  EPERM: 'STORAGE_DENIED',
  EROFS: 'STORAGE_DENIED',
  ENOTDIR: 'STORAGE_BROKEN',
  EISDIR: 'STORAGE_BROKEN',
  ELOOP: 'STORAGE_BROKEN',
  ENAMETOOLONG: 'STORAGE_BROKEN',
  EINVAL: 'STORAGE_BROKEN',
};

const hintOfErrno: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk that holds the replica is full: make room, it is retried',
  EDQUOT: 'the quota of the disk that holds the replica is used up: make room, it is retried',
  EACCES: 'make the replica’s folder readable and writable for this user',
  EPERM: 'make the replica’s folder readable and writable for this user',
  EROFS: 'the replica’s folder is on a read-only file system: mount its volume, or mount it writable',
  ENOTDIR: 'a part of the replica’s path is a file, not a folder',
  EIO: 'the disk or the network file system that holds the replica fails',
  ESTALE: 'the network file system that holds the replica has gone: mount it again',
};

/** Node's error code word (`ENOENT`), where it is one of Node's system errors. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** A system error as one of ours; what is not a system error passes as it is. Node's message begins with the word. */
export function fileStoreError(error: unknown): unknown {
  const errno = errnoOf(error);
  if (errno === undefined || !(error instanceof Error) || !('syscall' in error)) return error;
  const hint = hintOfErrno[errno];
  return new StationError(codeOfErrno[errno] ?? 'STORAGE_UNREACHABLE', error.message, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}
