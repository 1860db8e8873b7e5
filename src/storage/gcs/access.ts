import { readFile } from 'node:fs/promises';
import { GoogleAuth } from 'google-auth-library';
import type { GcsStoreOptions } from '../store-options.ts';
import type { GcsStoreSettings } from './settings.ts';

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

type ServiceAccountKey = NonNullable<GoogleAuth['jsonContent']> & {
  readonly token_uri?: string;
  readonly universe_domain?: string;
};

/**
 * Google's own library finds the credentials: key, GOOGLE_APPLICATION_CREDENTIALS, gcloud's file, federation, metadata
 * server. Requests are ours: those of its storage client cannot be aborted, know no limit for a server that hangs, go on
 * without credentials where none are found, and begin resumable uploads at a given endpoint unauthorized.
 */
export function createGcsAccessSource(options: GcsStoreOptions, settings: GcsStoreSettings): GcsAccessSource {
  let current: Promise<Account> | undefined;
  return {
    get: async () => {
      current ??= openAccount(options, settings);
      // A key's file that is not there yet is looked for again.
      const { endpoint, auth } = await current.catch((error: unknown) => {
        current = undefined;
        throw error;
      });
      return { endpoint, headers: auth === undefined ? {} : Object.fromEntries(await auth.getRequestHeaders()) };
    },
    forget: () => {
      current = undefined;
    },
  };
}

interface Account {
  readonly endpoint: string;
  /** Undefined: a server that asks for no credentials. */
  readonly auth: GoogleAuth | undefined;
}

/**
 * No request of ours names a project. The library would else look for one wherever it can: it runs `gcloud`, and asks the
 * metadata server and Google.
 */
const WITHOUT_PROJECT = { projectId: 'none' } as const;

/** As Google's own storage client asks for: a key, a federated identity and a machine all have them. */
const SCOPES = [
  'https://www.googleapis.com/auth/cloud-platform',
  'https://www.googleapis.com/auth/devstorage.full_control',
];

async function openAccount(options: GcsStoreOptions, settings: GcsStoreSettings): Promise<Account> {
  const key = await readKey(options);
  const universe = key?.universe_domain ?? process.env['GOOGLE_CLOUD_UNIVERSE_DOMAIN'];
  const emulator = options.endpoint === undefined ? emulatorHost() : undefined;
  const endpoint = options.endpoint ?? emulator ?? `https://storage.${universe ?? 'googleapis.com'}`;
  const isOpen = emulator !== undefined && key === undefined;
  return { endpoint: endpoint.replace(/\/+$/, ''), auth: isOpen ? undefined : createAuth(key, universe, settings) };
}

/** STORAGE_EMULATOR_HOST, which Google's clients in every language know. */
function emulatorHost(): string | undefined {
  const host = process.env['STORAGE_EMULATOR_HOST'];
  if (!host) return undefined;
  return /^https?:\/\//.test(host) ? host : `http://${host}`;
}

function createAuth(
  key: ServiceAccountKey | undefined,
  universe: string | undefined,
  settings: GcsStoreSettings,
): GoogleAuth {
  const auth = new GoogleAuth({
    ...WITHOUT_PROJECT,
    scopes: SCOPES,
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
  // Given to the constructor, a key makes the library print a warning among our log lines.
  if (key !== undefined) auth.jsonContent = key;
  return auth;
}

/** Whose the application default credentials are, as far as they say. @throws what the library throws where there are none */
export async function defaultAccountEmail(): Promise<string | undefined> {
  return (await new GoogleAuth(WITHOUT_PROJECT).getCredentials()).client_email;
}

const GOOGLE_TOKEN_URL = 'https://oauth2.googleapis.com/token';

async function readKey({ credentials }: GcsStoreOptions): Promise<ServiceAccountKey | undefined> {
  if (credentials === undefined) return undefined;
  const text = credentials.kind === 'json' ? credentials.json : await readFile(credentials.path, 'utf8');
  return JSON.parse(text) as ServiceAccountKey;
}
