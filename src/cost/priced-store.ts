import { type Bytes, bytes } from '../quantities.ts';
import { defaultAzureStoreSettings } from '../storage/azure/settings.ts';
import { resolveS3Endpoint } from '../storage/s3/endpoint.ts';
import { defaultS3StoreSettings } from '../storage/s3/settings.ts';
import type { AzureStoreOptions, S3StoreOptions, StoreOptions } from '../storage/store-options.ts';
import { awsS3, azureBlob, googleCloudStorage, type PriceList, s3PriceLists } from './prices.ts';

/** Who bills a replica, and what an upload to it comes to. */
export interface PricedStore {
  /** Undefined: a folder, or a server whose prices are not known here. */
  readonly prices: PriceList | undefined;
  /** For people: the price list's name, or what it is that has none. */
  readonly name: string;
  /** Uploads beyond this size take one request for each part of this size; undefined: always one. */
  readonly partSize: Bytes | undefined;
  /** 1 where each upload looks for its key first, because the store has no create-only puts. */
  readonly listsPerUpload: 0 | 1;
  /** False: nothing there counts requests. */
  readonly hasRequests: boolean;
  /** What a reader of the prices should know of this replica. */
  readonly note: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Recognises a replica's provider by its type and its endpoint, as the store itself does. Asks nobody. */
export function pricedStore(options: StoreOptions, environment: Environment): PricedStore {
  switch (options.type) {
    case 'file':
      return { ...plain, name: 'a folder', hasRequests: false };
    case 'gs':
      // A resumable upload is one operation, however many chunks it has.
      return options.endpoint === undefined && !environment['STORAGE_EMULATOR_HOST']
        ? { ...plain, name: googleCloudStorage.name, prices: googleCloudStorage }
        : { ...plain, name: 'a server that speaks as Google Cloud Storage' };
    case 'abs': {
      const store = { ...plain, partSize: defaultAzureStoreSettings.partSize };
      return isAzureItself(options)
        ? { ...store, name: azureBlob.name, prices: azureBlob }
        : { ...store, name: 'a server that speaks as Azure Blob Storage' };
    }
    case 's3':
      return pricedS3(options, environment);
  }
}

const plain: Omit<PricedStore, 'name'> = {
  prices: undefined,
  partSize: undefined,
  listsPerUpload: 0,
  hasRequests: true,
  note: undefined,
};

function pricedS3(options: S3StoreOptions, environment: Environment): PricedStore {
  const { provider } = resolveS3Endpoint(options, environment);
  const prices = s3PriceLists.get(provider.name);
  const looksFirst = provider.createOnly === 'refused' || provider.createOnly === 'ignored';
  return {
    prices,
    name: prices?.name ?? provider.name,
    partSize: bytes(options.partSize ?? defaultS3StoreSettings.partSize),
    listsPerUpload: looksFirst ? 1 : 0,
    hasRequests: true,
    note: storageClassNote(options, prices),
  };
}

function storageClassNote({ storageClass }: S3StoreOptions, prices: PriceList | undefined): string | undefined {
  if (storageClass === undefined || storageClass === 'STANDARD' || prices === undefined) return undefined;
  const other = prices === awsS3 ? 'more for requests, less for storage' : 'prices of its own';
  return `storage class ${storageClass} is counted as Standard; it has ${other}`;
}

function isAzureItself({ endpoint, credentials }: AzureStoreOptions): boolean {
  if (credentials?.kind === 'connection-string') {
    const text = credentials.connectionString;
    if (/(^|;)\s*UseDevelopmentStorage=true/i.test(text)) return false;
    const named = /(?:^|;)\s*BlobEndpoint=([^;]+)/i.exec(text)?.[1];
    return named === undefined || isAzureHost(named);
  }
  return endpoint === undefined || isAzureHost(endpoint);
}

function isAzureHost(url: string): boolean {
  return URL.canParse(url) && /\.blob\.core\.windows\.net$/.test(new URL(url).hostname);
}
