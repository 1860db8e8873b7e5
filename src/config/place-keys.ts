import type { ReplicaType } from './config.ts';

/** The key that names the place, without which there is no replica. */
export const placeKeys: Readonly<Record<ReplicaType, string>> = {
  s3: 'bucket',
  file: 'path',
  gs: 'bucket',
  abs: 'bucket',
  sftp: 'host',
  webdav: 'webdav-url',
  nats: 'bucket',
  oss: 'bucket',
};
