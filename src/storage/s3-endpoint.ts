import type { S3StoreOptions } from './store-options.ts';

/** Where requests go, and how the bucket is named in them. */
export interface S3Endpoint {
  /** Undefined: AWS's own, by region. */
  readonly url: string | undefined;
  readonly provider: 'aws' | 'compatible';
  readonly pathStyle: boolean;
  readonly region: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Endpoint, region and addressing of a replica. The SDK itself takes an endpoint from AWS_ENDPOINT_URL_S3 and
 * AWS_ENDPOINT_URL, so these decide here too whether the store is AWS.
 *
 * Stores that are not AWS get path style unless told otherwise: few have a wildcard DNS name and certificate.
 */
export function resolveS3Endpoint(options: S3StoreOptions, environment: Environment): S3Endpoint {
  const url = options.endpoint ?? environment['AWS_ENDPOINT_URL_S3'] ?? environment['AWS_ENDPOINT_URL'];
  const provider = url === undefined || isAwsHost(new URL(url).hostname) ? 'aws' : 'compatible';
  return {
    url,
    provider,
    pathStyle: options.forcePathStyle ?? provider === 'compatible',
    region:
      options.region ??
      regionInHost(url) ??
      environment['AWS_REGION'] ??
      environment['AWS_DEFAULT_REGION'] ??
      'us-east-1',
  };
}

/** `s3.eu-west-1.amazonaws.com` says where it is; signing for any other region would be refused there. */
function regionInHost(url: string | undefined): string | undefined {
  if (url === undefined) return undefined;
  return /(?:^|[.-])s3[.-](?:dualstack\.)?([a-z]{2}(?:-[a-z]+)+-\d)\..*amazonaws\.com/.exec(new URL(url).hostname)?.[1];
}

function isAwsHost(hostname: string): boolean {
  return /(^|\.)amazonaws\.com(\.cn)?$/.test(hostname);
}
