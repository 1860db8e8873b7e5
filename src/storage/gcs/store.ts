import type { ObjectStore } from '../object-store.ts';
import type { GcsStoreOptions } from '../store-options.ts';
import { gcsConditional } from './conditional.ts';
import { deleteObjects } from './deletion.ts';
import { download } from './download.ts';
import { listObjects } from './listing.ts';
import { openGcsSession } from './session.ts';
import type { GcsStoreSettings } from './settings.ts';
import { upload } from './upload.ts';

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
