import type { S3Client } from '@aws-sdk/client-s3';
import type { S3StoreOptions } from '../store-options.ts';
import { createS3Client } from './client.ts';
import { type CreateOnlyKnowledge, startCreateOnlyKnowledge } from './create-only-knowledge.ts';
import { resolveS3Endpoint, type S3Endpoint } from './endpoint.ts';
import { bucketRegionOf, type S3Operation, s3Error } from './errors.ts';
import { aws } from './providers.ts';
import { defaultS3StoreSettings, type S3StoreSettings } from './settings.ts';
import { type SwapKnowledge, startSwapKnowledge } from './swap.ts';

/** What every operation on one replica shares. */
export interface S3Session {
  readonly options: S3StoreOptions;
  readonly settings: S3StoreSettings;
  readonly endpoint: S3Endpoint;
  readonly createOnly: CreateOnlyKnowledge;
  readonly swap: SwapKnowledge;
  /** `s3://bucket/path` */
  readonly url: string;
  /**
   * Sends one request; a bucket that turns out to be in another region of AWS is asked there, then and from then on.
   * @throws StationError as of `errors.ts`; the signal's reason on abort
   */
  send<Result>(
    request: (client: S3Client, abort: { readonly abortSignal?: AbortSignal }) => Promise<Result>,
    operation: S3Operation,
    signal?: AbortSignal,
  ): Promise<Result>;
  /** The key in the bucket: root, slash, key, literally, as stock Litestream has it; an empty root gives a leading slash. */
  fullKey(key: string): string;
  close(): void;
}

export function openS3Session(options: S3StoreOptions, given: Partial<S3StoreSettings>): S3Session {
  const endpoint = resolveS3Endpoint(options, process.env, given.provider);
  const { provider } = endpoint;
  const settings: S3StoreSettings = {
    ...defaultS3StoreSettings,
    ...(provider.concurrency === undefined ? {} : { concurrency: provider.concurrency }),
    ...(options.partSize === undefined ? {} : { partSize: options.partSize }),
    ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
    ...given,
    unableToFence: onceOnly(given.unableToFence),
  };
  let region = endpoint.region;
  const client = createS3Client(options, endpoint, settings, () => region);
  return {
    options,
    settings,
    endpoint,
    createOnly: startCreateOnlyKnowledge(provider, settings),
    swap: startSwapKnowledge(provider, settings),
    url: `s3://${options.bucket}${options.path === '' ? '' : `/${options.path}`}`,
    fullKey: (key) => `${options.path}/${key}`,
    close: () => client.destroy(),
    send: async (request, operation, signal) => {
      const attempt = () => request(client, signal === undefined ? {} : { abortSignal: signal });
      // Compared with what this request asked, not with what another has found out meanwhile.
      const asked = region;
      try {
        signal?.throwIfAborted();
        return await attempt().catch((error: unknown) => {
          const elsewhere = provider === aws ? bucketRegionOf(error) : undefined;
          if (elsewhere === undefined || elsewhere === asked) throw error;
          region = elsewhere;
          return attempt();
        });
      } catch (error) {
        throw signal?.aborted === true ? signal.reason : s3Error(error, operation);
      }
    },
  };
}

/** A store can lack one condition, or both: it is said once. */
function onceOnly(tell: S3StoreSettings['unableToFence']): S3StoreSettings['unableToFence'] {
  let told = false;
  if (tell === undefined) return undefined;
  return (why) => {
    if (told) return;
    told = true;
    tell(why);
  };
}
