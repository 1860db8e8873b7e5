import type { S3StoreOptions } from '../store-options.ts';
import { aws, recognizeS3Provider, regionInHost, type S3Provider } from './providers.ts';

/** Where requests go, and how the bucket is named in them. */
export interface S3Endpoint {
  /** Undefined: AWS's own, by region. */
  readonly url: string | undefined;
  readonly provider: S3Provider;
  readonly pathStyle: boolean;
  readonly region: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Endpoint, region and addressing of a replica: as the user says, else as the provider needs it. The SDK itself takes
 * an endpoint from AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL, so these decide here too who the provider is.
 */
export function resolveS3Endpoint(options: S3StoreOptions, environment: Environment, known?: S3Provider): S3Endpoint {
  const url = options.endpoint ?? (environment['AWS_ENDPOINT_URL_S3'] || environment['AWS_ENDPOINT_URL'] || undefined);
  const provider = known ?? recognizeS3Provider(url);
  return {
    url,
    provider,
    pathStyle: options.forcePathStyle ?? provider.pathStyle,
    region: options.region ?? (provider === aws ? awsRegion(url, environment) : undefined) ?? elsewhere(url, provider),
  };
}

/** `s3.eu-west-1.amazonaws.com` says where it is; signing for any other region would be refused there. */
function awsRegion(url: string | undefined, environment: Environment): string | undefined {
  const form = /(?:^|[.-])s3[.-](?:dualstack\.)?([a-z]{2}(?:-[a-z]+)+-\d)\..*amazonaws\.com/;
  const inHost = url === undefined ? undefined : form.exec(new URL(url).hostname)?.[1];
  return inHost ?? (environment['AWS_REGION'] || environment['AWS_DEFAULT_REGION'] || undefined);
}

/** AWS_REGION says where the container runs, which a store elsewhere does not care about. */
function elsewhere(url: string | undefined, provider: S3Provider): string {
  return (url === undefined ? undefined : regionInHost(url, provider)) ?? provider.region;
}
