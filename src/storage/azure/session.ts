import { posix } from 'node:path';
import type { ContainerClient } from '@azure/storage-blob';
import { waitOf, withRetries } from '../retries.ts';
import type { AzureStoreOptions } from '../store-options.ts';
import { createAzureClient } from './client.ts';
import { type AzureOperation, azureError, retryAfterOf } from './errors.ts';
import { type AzureStoreSettings, defaultAzureStoreSettings } from './settings.ts';

/** What every operation on one replica shares. */
export interface AzureSession {
  readonly settings: AzureStoreSettings;
  /** `abs://account@container/path` */
  readonly url: string;
  /** What all names of this replica's blobs begin with: empty, or ending in a slash. */
  readonly root: string;
  /**
   * Sends one request, more than once where that helps.
   * @throws StationError as of `errors.ts`; the signal's reason on abort
   */
  send<Result>(
    request: (client: ContainerClient, abort: { readonly abortSignal?: AbortSignal }) => Promise<Result>,
    operation: AzureOperation,
    signal?: AbortSignal,
  ): Promise<Result>;
  /** The operation on one key, for messages. */
  operationOn(permission: AzureOperation['permission'], key: string): AzureOperation;
  close(): void;
}

/** Opens without a request. @throws StationError as `createAzureClient` */
export async function openAzureSession(
  options: AzureStoreOptions,
  given: Partial<AzureStoreSettings>,
): Promise<AzureSession> {
  const settings = { ...defaultAzureStoreSettings, ...given };
  const { client, agent } = await createAzureClient(options, settings);
  const root = rootOf(options.path);
  const account = client.accountName === '' ? '' : `${client.accountName}@`;
  const container = `abs://${account}${options.container}`;
  return {
    settings,
    url: `${container}${options.path === '' ? '' : `/${options.path}`}`,
    root,
    operationOn: (permission, key) => ({ permission, url: `${container}/${root}${key}` }),
    close: () => agent.destroy(),
    send: (request, operation, signal) =>
      withRetries(() => request(client, signal === undefined ? {} : { abortSignal: signal }), {
        attempts: settings.attempts,
        signal,
        errorOf: (error) => azureError(error, operation),
        waitAskedBy: (error) => waitOf(retryAfterOf(error)),
      }),
  };
}

/** Joined as paths are, which is how stock Litestream does it here: `a//b/` is `a/b`, and an empty path adds no slash. */
function rootOf(path: string): string {
  return posix.join(path, 'key').slice(0, -'key'.length);
}
