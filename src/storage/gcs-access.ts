import { readFile } from 'node:fs/promises';
import { Storage } from '@google-cloud/storage';
import type { GcsStoreSettings } from './gcs-settings.ts';
import type { GcsStoreOptions } from './store-options.ts';

/** Where a request goes, and what it shows there. */
interface GcsAccess {
  /** `https://storage.googleapis.com`, without a slash at the end. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface GcsAccessSource {
  /** With a token that is good for some minutes; a new one is fetched when the last is about to expire. */
  get(): Promise<GcsAccess>;
  /** After a refusal: the next `get` begins anew, from the key's file or the metadata server. */
  forget(): void;
}

type ServiceAccountKey = NonNullable<Storage['authClient']['jsonContent']> & {
  readonly token_uri?: string;
  readonly universe_domain?: string;
};

/**
 * Google's own client finds the credentials (key, GOOGLE_APPLICATION_CREDENTIALS, gcloud's file, metadata server) and
 * the endpoint. It is asked for nothing more: its file operations cannot be aborted, know no limit for a server that
 * hangs, go on without credentials where it finds none, and begin resumable uploads at a given endpoint unauthorized.
 *
 * STORAGE_EMULATOR_HOST, which Google's clients in every language know, names a server that asks for no credentials.
 */
export function createGcsAccessSource(options: GcsStoreOptions, settings: GcsStoreSettings): GcsAccessSource {
  let current: Promise<Storage> | undefined;
  return {
    get: async () => {
      current ??= createClient(options, settings);
      // A key's file that is not there yet is looked for again.
      const storage = await current.catch((error: unknown) => {
        current = undefined;
        throw error;
      });
      const headers = isEmulator(options) ? {} : Object.fromEntries(await storage.authClient.getRequestHeaders());
      return { endpoint: storage.apiEndpoint, headers };
    },
    forget: () => {
      current = undefined;
    },
  };
}

function isEmulator({ credentials, endpoint }: GcsStoreOptions): boolean {
  return credentials === undefined && endpoint === undefined && Boolean(process.env['STORAGE_EMULATOR_HOST']);
}

async function createClient(options: GcsStoreOptions, settings: GcsStoreSettings): Promise<Storage> {
  const key = await readKey(options);
  const universe = key?.universe_domain ?? process.env['GOOGLE_CLOUD_UNIVERSE_DOMAIN'];
  const storage = new Storage({
    ...(options.endpoint === undefined ? {} : { apiEndpoint: options.endpoint }),
    ...(universe === undefined ? {} : { universeDomain: universe }),
    clientOptions: {
      transporterOptions: {
        timeout: settings.idleTimeout,
        // We try again ourselves, and would else wait for the product of both.
        retryConfig: { retry: 0, noResponseRetries: 0 },
        // The library knows Google's token endpoint alone; a key may name another, as it does behind a private one.
        adapter: (request, send) => {
          if (key?.token_uri !== undefined && request.url.href === GOOGLE_TOKEN_URL)
            request.url = new URL(key.token_uri);
          return send(request);
        },
      },
    },
  });
  // Given to the constructor, a key or its file makes the library print a warning among our log lines.
  if (key !== undefined) storage.authClient.jsonContent = key;
  return storage;
}

const GOOGLE_TOKEN_URL = 'https://oauth2.googleapis.com/token';

async function readKey({ credentials }: GcsStoreOptions): Promise<ServiceAccountKey | undefined> {
  if (credentials === undefined) return undefined;
  const text = credentials.kind === 'json' ? credentials.json : await readFile(credentials.path, 'utf8');
  return JSON.parse(text) as ServiceAccountKey;
}
