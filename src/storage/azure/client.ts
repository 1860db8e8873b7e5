import type { Agent } from 'node:http';
import { ContainerClient, type StoragePipelineOptions, StorageSharedKeyCredential } from '@azure/storage-blob';
import { StationError } from '../../errors.ts';
import type { AzureStoreOptions } from '../store-options.ts';
import { limitedAgent } from './agent.ts';
import { findAzureIdentity } from './identity.ts';
import type { AzureStoreSettings } from './settings.ts';

type Credential = ContainerClient['credential'];

/** Where a container is, and what opens it. A SAS is part of the URL: so it must not get into messages. */
interface Place {
  readonly url: string;
  readonly credential: Credential | undefined;
}

/**
 * The SDK's client for this replica's container, and the connections it uses, which are to be closed. Sends nothing.
 * @throws StationError STORAGE_DENIED where a connection string is none
 */
export async function createAzureClient(
  options: AzureStoreOptions,
  settings: AzureStoreSettings,
): Promise<{ readonly client: ContainerClient; readonly agent: Agent }> {
  const { url, credential } = await placeOf(options, settings);
  const agent = limitedAgent(url, settings);
  // The pipeline takes an agent, as every Azure SDK's does; the type of this one does not say so.
  const pipeline: StoragePipelineOptions & { readonly agent: Agent } = {
    agent,
    // Attempts are ours: the SDK does not do what Retry-After says, and knows no 429.
    retryOptions: { maxTries: 1 },
    keepAliveOptions: { enable: true },
  };
  return { client: new ContainerClient(url, credential, pipeline), agent };
}

async function placeOf(options: AzureStoreOptions, settings: AzureStoreSettings): Promise<Place> {
  const { credentials } = options;
  if (credentials?.kind === 'connection-string') return placeOfConnectionString(credentials.connectionString, options);
  const endpoint = options.endpoint ?? `https://${options.accountName ?? ''}.blob.core.windows.net`;
  const url = `${endpoint.replace(/\/+$/, '')}/${encodeURIComponent(options.container)}`;
  if (credentials?.kind === 'sas-token') {
    return { url: `${url}?${credentials.sasToken.replace(/^\?/, '')}`, credential: undefined };
  }
  if (credentials?.kind === 'account-key') {
    return { url, credential: new StorageSharedKeyCredential(options.accountName ?? '', credentials.accountKey) };
  }
  return { url, credential: await findAzureIdentity(settings) };
}

function placeOfConnectionString(connectionString: string, options: AzureStoreOptions): Place {
  try {
    return new ContainerClient(connectionString, options.container);
  } catch (cause) {
    // The SDK's messages name the part that is wrong, never its value.
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StationError('STORAGE_DENIED', `the Azure connection string is not valid: ${reason}`, {
      hint: 'copy it again from the storage account’s "Access keys", the whole line',
    });
  }
}
