import { gcsConditional } from './gcs-conditional.ts';
import { deleteObjects } from './gcs-deletion.ts';
import { download } from './gcs-download.ts';
import { listObjects } from './gcs-listing.ts';
import { openGcsSession } from './gcs-session.ts';
import type { GcsStoreSettings } from './gcs-settings.ts';
import { upload } from './gcs-upload.ts';
import type { ObjectStore } from './object-store.ts';
import type { GcsStoreOptions } from './store-options.ts';

/** A replica on Google Cloud Storage, by its JSON interface. */
export function openGcsStore(options: GcsStoreOptions, settings: Partial<GcsStoreSettings>): ObjectStore {
  const session = openGcsSession(options, settings);
  return {
    url: session.url,
    layout: 'folder',
    put: (key, body, putOptions) => upload(session, key, body, putOptions),
    get: (key, getOptions = {}) => download(session, key, getOptions.range, getOptions.signal),
    list: (prefix, listOptions = {}) => listObjects(session, prefix, listOptions),
    delete: (keys, signal) => deleteObjects(session, keys, signal),
    conditional: (key) => gcsConditional(session, key),
    close: async () => session.close(),
  };
}
