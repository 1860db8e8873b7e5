import type { ObjectStore } from './object-store.ts';
import { s3Conditional } from './s3-conditional.ts';
import { deleteObjects } from './s3-deletion.ts';
import { download } from './s3-download.ts';
import { listObjects } from './s3-listing.ts';
import { openS3Session } from './s3-session.ts';
import type { S3StoreSettings } from './s3-settings.ts';
import { upload } from './s3-upload.ts';
import type { S3StoreOptions } from './store-options.ts';

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
