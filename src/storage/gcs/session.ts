import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { posix } from 'node:path';
import { StationError } from '../../errors.ts';
import { type Retries, waitOf, withRetries } from '../retries.ts';
import type { GcsStoreOptions } from '../store-options.ts';
import { createGcsAccessSource } from './access.ts';
import { GcsAccessFailure, type GcsOperation, GcsRefusal, gcsError, statusOf } from './errors.ts';
import { type GcsExchange, openGcsConnections } from './exchange.ts';
import { defaultGcsStoreSettings, type GcsStoreSettings } from './settings.ts';

interface GcsRequest {
  readonly method: GcsExchange['method'];
  /** Below the endpoint, as in `/storage/v1/b/…`; or the whole address of an upload under way. */
  readonly address: string | URL;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: readonly Uint8Array[];
  /** Attempts, where they are not those of the settings. */
  readonly attempts?: number;
}

export interface GcsAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** What every operation on one replica shares. Both ways of asking throw StationError as of `errors.ts`, and the signal's reason on abort. */
export interface GcsSession {
  readonly options: GcsStoreOptions;
  readonly settings: GcsStoreSettings;
  /** `gs://bucket/path` */
  readonly url: string;
  /** `/storage/v1/b/BUCKET/o` */
  readonly objects: string;
  /** Sends a request and takes its answer in: a success, or of an upload 308 (it goes on). */
  ask(request: GcsRequest, operation: GcsOperation, signal?: AbortSignal): Promise<GcsAnswer>;
  /** Sends a request and hands on its answer while the body is still to come. */
  open(request: GcsRequest, operation: GcsOperation, signal?: AbortSignal): Promise<IncomingMessage>;
  /** The key in the bucket, with the path cleaned as stock Litestream does: no doubled slash, none in front where the path is empty. */
  fullKey(key: string): string;
  close(): void;
}

const MOST_TEXT = 32 * 1024 * 1024;

export function openGcsSession(options: GcsStoreOptions, given: Partial<GcsStoreSettings>): GcsSession {
  const settings: GcsStoreSettings = { ...defaultGcsStoreSettings, ...given };
  const source = createGcsAccessSource(options, settings);
  const connections = openGcsConnections(settings);
  const root = posix.join(options.path, 'x').slice(0, -1);
  const attempt = async (request: GcsRequest, signal: AbortSignal | undefined): Promise<IncomingMessage> => {
    const { endpoint, headers } = await orAbort(source.get(), signal).catch((error: unknown) => {
      throw new GcsAccessFailure(error);
    });
    const url = new URL(request.address, `${endpoint}/`);
    for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.set(name, value);
    const { method, body = [] } = request;
    const all = { ...request.headers, ...headers };
    const answer = await connections.exchange({ method, url, headers: all, body, signal });
    const { statusCode: status = 0 } = answer;
    const goesOn = status === 308 && request.address instanceof URL;
    if ((status >= 200 && status < 300) || goesOn) return answer;
    throw new GcsRefusal(status, answer.headers, await readText(answer));
  };
  const retriesOf = (
    { attempts = settings.attempts }: GcsRequest,
    operation: GcsOperation,
    signal: AbortSignal | undefined,
  ): Retries => {
    let renewed = false;
    return {
      attempts,
      signal,
      errorOf: (error) => gcsError(error, operation),
      waitAskedBy: (error) => (error instanceof GcsRefusal ? waitOf(error.headers['retry-after']) : 0),
      // Once: what was refused may have been renewed elsewhere.
      renew: (error) => {
        if (renewed || statusOf(error) !== 401) return false;
        renewed = true;
        source.forget();
        return true;
      },
    };
  };
  return {
    options,
    settings,
    url: `gs://${options.bucket}${options.path === '' ? '' : `/${options.path}`}`,
    objects: `/storage/v1/b/${encodeURIComponent(options.bucket)}/o`,
    fullKey: (key) => root + key,
    close: () => connections.close(),
    open: (request, operation, signal) =>
      withRetries(() => attempt(request, signal), retriesOf(request, operation, signal)),
    ask: (request, operation, signal) => {
      const once = async (): Promise<GcsAnswer> => {
        const answer = await attempt(request, signal);
        return { status: answer.statusCode ?? 0, headers: answer.headers, text: await readText(answer) };
      };
      return withRetries(once, retriesOf(request, operation, signal));
    },
  };
}

async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > MOST_TEXT) throw new StationError('STORAGE_BROKEN', `an answer of more than ${MOST_TEXT} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Fetching a token knows no abort of its own, and is shared by all who wait for it. */
async function orAbort<Result>(work: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  if (signal === undefined) return work;
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
