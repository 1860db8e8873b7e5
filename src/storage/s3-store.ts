import { StationError } from '../errors.ts';
import type { ObjectStore } from './object-store.ts';
import type { S3StoreSettings } from './s3-settings.ts';
import type { S3StoreOptions } from './store-options.ts';

export function openS3Store(options: S3StoreOptions, _settings: Partial<S3StoreSettings>): ObjectStore {
  throw new StationError('INTERNAL', `s3://${options.bucket} cannot be opened yet`);
}
