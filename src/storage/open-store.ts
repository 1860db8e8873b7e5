import type { AzureStoreSettings } from './azure/settings.ts';
import { openFileStore } from './file/store.ts';
import type { GcsStoreSettings } from './gcs/settings.ts';
import type { ObjectStore } from './object-store.ts';
import type { S3StoreSettings } from './s3/settings.ts';
import type { StoreOptions } from './store-options.ts';

/** What no user sets: limits of waiting, which tests shorten. */
export type StoreSettings = Partial<S3StoreSettings & AzureStoreSettings & GcsStoreSettings>;

/**
 * Opens a replica's place. Asks the store nothing: the first operation finds out whether it is there.
 * @throws StationError CONFIG_VALUE where its age keys cannot be used together
 */
export async function openStore(options: StoreOptions, settings: StoreSettings = {}): Promise<ObjectStore> {
  const store = await openPlace(options, settings);
  if (options.age === undefined) return store;
  try {
    const { encryptStore } = await import('./age/encrypted-store.ts');
    return await encryptStore(store, options.age);
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** A cloud's SDK is loaded here, and only the one that is needed. */
async function openPlace(options: StoreOptions, settings: StoreSettings): Promise<ObjectStore> {
  if (options.type === 'file') return openFileStore(options);
  if (options.type === 'abs') {
    const { openAzureStore } = await import('./azure/store.ts');
    return openAzureStore(options, settings);
  }
  if (options.type === 'gs') {
    const { openGcsStore } = await import('./gcs/store.ts');
    return openGcsStore(options, settings);
  }
  const { openS3Store } = await import('./s3/store.ts');
  return openS3Store(options, settings);
}
