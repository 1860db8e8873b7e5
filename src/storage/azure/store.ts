import type { ObjectStore } from '../object-store.ts';
import type { AzureStoreOptions } from '../store-options.ts';
import { azureConditional } from './conditional.ts';
import { deleteBlobs } from './deletion.ts';
import { download } from './download.ts';
import { listBlobs } from './listing.ts';
import { openAzureSession } from './session.ts';
import type { AzureStoreSettings } from './settings.ts';
import { upload } from './upload.ts';

/** A replica in a container of Azure Blob Storage. @throws StationError as `createAzureClient` */
export async function openAzureStore(
  options: AzureStoreOptions,
  settings: Partial<AzureStoreSettings>,
): Promise<ObjectStore> {
  const session = await openAzureSession(options, settings);
  return {
    url: session.url,
    layout: 'folder',
    put: (key, body, putOptions) => upload(session, key, body, putOptions),
    get: (key, getOptions = {}) => download(session, key, getOptions.range, getOptions.signal),
    list: (prefix, listOptions = {}) => listBlobs(session, prefix, listOptions),
    delete: (keys, signal) => deleteBlobs(session, keys, signal),
    conditional: (key) => azureConditional(session, key),
    close: async () => session.close(),
  };
}
