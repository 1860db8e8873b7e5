import type { ReplicaType } from './config.ts';

/** The key that names the place, without which there is no replica; the first of those that mean the same. */
export const placeKeys: Readonly<Record<ReplicaType, readonly [string, ...string[]]>> = {
  s3: ['bucket'],
  file: ['path'],
  gs: ['bucket'],
  abs: ['bucket', 'container'],
  sftp: ['host'],
  webdav: ['webdav-url'],
  nats: ['bucket'],
  oss: ['bucket'],
};
