import type { ObjectStore } from '../object-store.ts';
import type { S3StoreOptions } from '../store-options.ts';
import { s3Conditional } from './conditional.ts';
import { deleteObjects } from './deletion.ts';
import { download } from './download.ts';
import { listObjects } from './listing.ts';
import { openS3Session } from './session.ts';
import type { S3StoreSettings } from './settings.ts';
import { upload } from './upload.ts';

/** A replica on S3, or on a store that speaks its language. */
export function openS3Store(options: S3StoreOptions, settings: Partial<S3StoreSettings>): ObjectStore {
  const session = openS3Session(options, settings);
  return {
    url: session.url,
    layout: 's3',
    put: (key, body, putOptions) => upload(session, key, body, putOptions),
    get: (key, getOptions = {}) => download(session, key, getOptions.range, getOptions.signal),
    list: (prefix, listOptions = {}) => listObjects(session, prefix, listOptions),
    delete: (keys, signal) => deleteObjects(session, keys, signal),
    conditional: (key) => s3Conditional(session, key),
    close: async () => session.close(),
  };
}
