import { BlobServiceClient, type StoragePipelineOptions, StorageSharedKeyCredential } from '@azure/storage-blob';
import { openStore } from '../../src/storage/open-store.ts';
import type { AzureStoreOptions } from '../../src/storage/store-options.ts';
import { type Azurite, startAzurite } from '../servers/azurite.ts';
import type { Backend } from './conformance.ts';

export const wrongKey = Buffer.alloc(64, 'wrong').toString('base64');

export function azureOptions(server: Azurite, changes: Partial<AzureStoreOptions> = {}): AzureStoreOptions {
  return {
    type: 'abs',
    container: 'container',
    path: 'root',
    accountName: server.accountName,
    endpoint: server.endpoint,
    credentials: { kind: 'account-key', accountKey: server.accountKey },
    ...changes,
  };
}

/** Microsoft's own client for the whole account, to prepare containers and to see what is really there. */
export function azureService(
  { endpoint, accountName, accountKey }: Azurite,
  authority?: string | undefined,
): BlobServiceClient {
  const options: StoragePipelineOptions & { readonly tlsOptions?: { readonly ca: string } } =
    authority === undefined ? {} : { tlsOptions: { ca: authority } };
  return new BlobServiceClient(endpoint, new StorageSharedKeyCredential(accountName, accountKey), options);
}

/** A backend of the conformance suite, with an emulator of its own. */
export async function azureBackend(): Promise<Backend> {
  const server = await startAzurite();
  const container = azureService(server).getContainerClient('conformance');
  await container.create();
  const open = (changes: Partial<AzureStoreOptions>) =>
    openStore(azureOptions(server, { container: 'conformance', ...changes }));
  return {
    open: (path) => open({ path }),
    openWrong: {
      bucket: () => open({ container: 'there-is-no-such-container' }),
      secret: () => open({ credentials: { kind: 'account-key', accountKey: wrongKey } }),
    },
    words: { bucket: 'ContainerNotFound', secret: 'AuthorizationFailure' },
    timestampOf: async (path, key) => {
      const { metadata } = await container.getBlobClient(`${path}/${key}`).getProperties();
      return Date.parse(metadata?.['litestreamtimestamp'] ?? '');
    },
    emptyRoot: true,
    stop: () => server.stop(),
  };
}
