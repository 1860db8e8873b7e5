import { createHash } from 'node:crypto';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import type { S3StoreOptions } from '../store-options.ts';
import type { S3Endpoint } from './endpoint.ts';
import type { S3StoreSettings } from './settings.ts';

/** The SDK's client as this replica needs it. `region` is asked for at each request: a bucket may turn out to be elsewhere. */
export function createS3Client(
  options: S3StoreOptions,
  endpoint: S3Endpoint,
  settings: S3StoreSettings,
  region: () => string,
): S3Client {
  const client = new S3Client({
    ...(endpoint.url === undefined ? {} : { endpoint: endpoint.url }),
    ...credentialsOf(options),
    region: async () => region(),
    forcePathStyle: endpoint.pathStyle,
    maxAttempts: settings.attempts,
    // Every LTX file checks itself, so that a store which breaks on checksums can do without.
    ...(endpoint.provider.checksums ? {} : { requestChecksumCalculation: 'WHEN_REQUIRED' as const }),
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: settings.connectTimeout,
      socketTimeout: settings.idleTimeout,
      ...(options.skipVerify ? { httpsAgent: { rejectUnauthorized: false } } : {}),
    },
  });
  if (endpoint.provider.deleteChecksum === 'md5') addContentMd5(client);
  addHeaders(client, endpoint.provider.headers);
  if (options.signPayload === false) leavePayloadUnsigned(client);
  return client;
}

function credentialsOf(options: S3StoreOptions): Pick<S3ClientConfig, 'credentials'> {
  if (options.credentials === undefined) return {};
  const { accessKeyId, secretAccessKey, sessionToken } = options.credentials;
  return { credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) } };
}

interface SignableRequest {
  readonly headers: Record<string, string>;
  readonly body?: unknown;
}

/**
 * DeleteObjects must carry a checksum. The SDK sends CRC32 since 3.729; many stores that are not AWS
 * insist on Content-MD5 (aws-sdk-js-v3 #6920), which all of them know.
 */
function addContentMd5(client: S3Client): void {
  client.middlewareStack.add(
    (next, context) => (args) => {
      const request = args.request as SignableRequest;
      if (context['commandName'] === 'DeleteObjectsCommand' && typeof request.body === 'string') {
        for (const name of Object.keys(request.headers)) {
          if (/^x-amz-(sdk-)?checksum-/.test(name)) delete request.headers[name];
        }
        request.headers['content-md5'] = createHash('md5').update(request.body).digest('base64');
      }
      return next(args);
    },
    { step: 'build', priority: 'low', name: 'contentMd5ForDeleteObjects' },
  );
}

/** Headers of the provider's own, on every request, before it is signed. */
function addHeaders(client: S3Client, headers: Readonly<Record<string, string>>): void {
  if (Object.keys(headers).length === 0) return;
  client.middlewareStack.add(
    (next) => (args) => {
      Object.assign((args.request as SignableRequest).headers, headers);
      return next(args);
    },
    { step: 'build', priority: 'low', name: 'headersOfProvider' },
  );
}

/** For stores and proxies that cannot check a signed payload; the signer takes the header as it finds it. */
function leavePayloadUnsigned(client: S3Client): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as SignableRequest;
      if (request.body !== undefined) request.headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
      return next(args);
    },
    { step: 'build', priority: 'low', name: 'unsignedPayload' },
  );
}
