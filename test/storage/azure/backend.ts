import { BlobServiceClient, type StoragePipelineOptions, StorageSharedKeyCredential } from '@azure/storage-blob';
import { openStore } from '../../../src/storage/open-store.ts';
import type { AzureStoreOptions } from '../../../src/storage/store-options.ts';
import { type Azurite, startAzurite } from '../../servers/azurite.ts';
import { type HttpAnswer, type HttpRequest, startHttpFaultProxy } from '../../servers/http-fault-proxy.ts';
import { steadyNow } from '../../servers/steady-now.ts';
import type { RemoteBackend } from '../conformance.ts';
import type { Wire } from '../conformance-faults.ts';

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
export async function azureBackend(): Promise<RemoteBackend> {
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
    wire: await wireTo(server),
    stop: () => server.stop(),
  };
}

async function wireTo(server: Azurite): Promise<Wire> {
  const proxy = await startHttpFaultProxy(server.port);
  proxy.judge(judgeDate);
  const endpoint = `${proxy.url}/${server.accountName}`;
  const refusedAs = 'AuthenticationFailed';
  return {
    proxy,
    open: (path, settings) => openStore(azureOptions(server, { container: 'conformance', endpoint, path }), settings),
    refusal,
    words: {
      busy: [
        [503, 'ServerBusy'],
        [429, 'TooManyRequests'],
      ],
      internal: [500, 'InternalError'],
      expired: [403, refusedAs],
    },
    clock: { ahead: { refusedAs }, behind: { refusedAs } },
  };
}

function refusal(status: number, word: string): HttpAnswer {
  const body = `<?xml version="1.0" encoding="utf-8"?><Error><Code>${word}</Code><Message>A fault on demand</Message></Error>`;
  return { status, headers: { 'content-type': 'application/xml', 'x-ms-error-code': word }, body };
}

/** Azure admits a signature of the last 15 minutes; the emulator does not look at the date. */
function judgeDate({ headers }: HttpRequest): HttpAnswer | undefined {
  const isOld = Math.abs(Date.parse(`${headers['x-ms-date']}`) - steadyNow()) > 15 * 60_000;
  return isOld ? refusal(403, 'AuthenticationFailed') : undefined;
}
