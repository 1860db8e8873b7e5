/**
 * Where in a WAL reading goes on: right behind a commit frame (or behind the header, at offset 32).
 * The running checksum proves on return that the frames before it are still the ones that were read.
 */
export interface WalPosition {
  readonly pageSize: number;
  readonly salt1: number;
  readonly salt2: number;
  /** Byte offset in the `-wal` file; 32 means no frame of this WAL has been read. */
  readonly offset: number;
  readonly checksum1: number;
  readonly checksum2: number;
}
