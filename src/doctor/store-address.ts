import { resolveS3Endpoint } from '../storage/s3/endpoint.ts';
import type { AzureStoreOptions, S3StoreOptions, StoreOptions } from '../storage/store-options.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What requests to a store connect to. */
export type StoreAddress =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'proxy'; readonly variable: string }
  | {
      readonly kind: 'server';
      readonly host: string;
      readonly port: number;
      readonly tls: boolean;
      readonly anyCertificate: boolean;
    };

/** Where a store is, from its options alone. Undefined: a connection string that names no server. */
export function addressOf(store: StoreOptions, environment: Environment): StoreAddress | undefined {
  if (store.type === 'file') return { kind: 'folder', path: store.path };
  if (store.type === 's3') return serverAt(s3Url(store, environment), store.skipVerify);
  const url = store.type === 'abs' ? azureUrl(store) : (store.endpoint ?? googleUrl(environment));
  if (url === undefined || !URL.canParse(url)) return undefined;
  const variable = proxyVariables.find((name) => environment[name]);
  return variable !== undefined && url.startsWith('https:') ? { kind: 'proxy', variable } : serverAt(url, false);
}

/** Google's and Microsoft's libraries go through the proxy that these name. */
const proxyVariables = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'];

function serverAt(url: string, anyCertificate: boolean): StoreAddress {
  const { protocol, hostname, port } = new URL(url);
  const tls = protocol === 'https:';
  const host = hostname.replace(/^\[|\]$/g, '');
  return { kind: 'server', host, port: port === '' ? (tls ? 443 : 80) : Number(port), tls, anyCertificate };
}

function s3Url(store: S3StoreOptions, environment: Environment): string {
  const { url, pathStyle, region } = resolveS3Endpoint(store, environment);
  const base = new URL(url ?? `https://s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`);
  // The SDK puts no bucket with a dot into the host name: the certificate would not fit. An ARN is no host name.
  if (!pathStyle && /^[a-z0-9-]+$/.test(store.bucket)) base.hostname = `${store.bucket}.${base.hostname}`;
  return base.href;
}

function googleUrl(environment: Environment): string {
  const emulator = environment['STORAGE_EMULATOR_HOST'];
  if (!emulator) return 'https://storage.googleapis.com';
  return /^https?:\/\//.test(emulator) ? emulator : `http://${emulator}`;
}

function azureUrl({ endpoint, accountName, credentials }: AzureStoreOptions): string | undefined {
  if (credentials?.kind !== 'connection-string') {
    return endpoint ?? `https://${accountName ?? ''}.blob.core.windows.net`;
  }
  const part = (name: string) => new RegExp(`(?:^|;)${name}=([^;]*)`, 'i').exec(credentials.connectionString)?.[1];
  if (part('UseDevelopmentStorage') === 'true') return 'http://127.0.0.1:10000';
  const account = part('AccountName');
  const suffix = part('EndpointSuffix') ?? 'core.windows.net';
  const scheme = part('DefaultEndpointsProtocol') ?? 'https';
  return part('BlobEndpoint') ?? (account === undefined ? undefined : `${scheme}://${account}.blob.${suffix}`);
}
