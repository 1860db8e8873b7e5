import type { IncomingMessage } from 'node:http';
import { splitOnce } from './s3-signature.ts';

/** A request as S3 reads it: which operation on what. */
export interface S3Request {
  readonly method: string;
  readonly operation: string;
  readonly bucket: string;
  readonly key: string;
  readonly query: ReadonlyMap<string, string>;
  readonly headers: IncomingMessage['headers'];
}

/** Path style, or virtual host style where the host is `BUCKET.localhost`. */
export function parseS3Request(request: IncomingMessage): S3Request {
  const [path, rawQuery = ''] = splitOnce(request.url ?? '/', '?');
  const query = new Map(
    rawQuery
      .split('&')
      .filter((pair) => pair !== '')
      .map((pair) => splitOnce(pair, '='))
      .map(([name, value = '']) => [decodeURIComponent(name), decodeURIComponent(value)] as const),
  );
  const virtualHost = /^(.+)\.localhost(?::\d+)?$/.exec(request.headers.host ?? '')?.[1];
  const rest = path.slice(1);
  const [bucket, key = ''] = virtualHost === undefined ? splitOnce(rest, '/') : [virtualHost, rest];
  const target = { bucket: decodeURIComponent(bucket), key: decodeURIComponent(key) };
  const method = request.method ?? 'GET';
  return { method, operation: operationOf(method, target, query, request), ...target, query, headers: request.headers };
}

function operationOf(
  method: string,
  target: { readonly bucket: string; readonly key: string },
  query: ReadonlyMap<string, string>,
  request: IncomingMessage,
): string {
  if (target.bucket === '') return method === 'GET' ? 'ListBuckets' : 'Unknown';
  if (target.key === '') return bucketOperation(method, query);
  if (query.has('uploads') && method === 'POST') return 'CreateMultipartUpload';
  if (query.has('uploadId')) {
    const operations: Readonly<Record<string, string>> = {
      PUT: 'UploadPart',
      POST: 'CompleteMultipartUpload',
      DELETE: 'AbortMultipartUpload',
    };
    return operations[method] ?? 'Unknown';
  }
  if (request.headers['x-amz-copy-source'] !== undefined) return 'CopyObject';
  const operations: Readonly<Record<string, string>> = {
    PUT: 'PutObject',
    GET: 'GetObject',
    HEAD: 'HeadObject',
    DELETE: 'DeleteObject',
  };
  return operations[method] ?? 'Unknown';
}

function bucketOperation(method: string, query: ReadonlyMap<string, string>): string {
  if (method === 'POST' && query.has('delete')) return 'DeleteObjects';
  if (method === 'GET' && query.has('location')) return 'GetBucketLocation';
  if (method === 'GET' && query.has('uploads')) return 'ListMultipartUploads';
  if (method === 'GET') return query.get('list-type') === '2' ? 'ListObjectsV2' : 'ListObjects';
  const operations: Readonly<Record<string, string>> = { PUT: 'CreateBucket', HEAD: 'HeadBucket' };
  return operations[method] ?? 'Unknown';
}
