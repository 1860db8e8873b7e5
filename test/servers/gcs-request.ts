import type { IncomingMessage } from 'node:http';

/** A request as Google Cloud Storage reads it: which operation on what. */
export interface GcsRequest {
  readonly method: string;
  readonly operation: string;
  readonly bucket: string;
  /** Name of the object; of an upload under way, its id. */
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
}

/** The JSON interface, with its `/upload` twin, and the reading half of the XML interface (`/BUCKET/OBJECT`). */
export function parseGcsRequest(request: IncomingMessage): GcsRequest {
  const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://host');
  const method = request.method ?? 'GET';
  const { operation, bucket = '', key = '' } = routeOf(method, pathname, query, request);
  return {
    method,
    operation,
    bucket: decodeURIComponent(bucket),
    key: decodeURIComponent(key),
    query,
    headers: request.headers,
  };
}

interface Route {
  readonly operation: string;
  readonly bucket?: string | undefined;
  readonly key?: string | undefined;
}

function routeOf(method: string, path: string, query: URLSearchParams, request: IncomingMessage): Route {
  if (path === '/token') return { operation: 'Token' };
  if (path.startsWith('/computeMetadata/'))
    return { operation: 'Metadata', key: path.slice('/computeMetadata/'.length) };
  const upload = /^\/(?:resumable\/)?upload\/storage\/v1\/b\/([^/]+)\/o$/.exec(path);
  if (upload !== null) return { bucket: upload[1], ...uploadRoute(method, query, request) };
  const [, bucket, key] = /^\/storage\/v1\/b(?:\/([^/]+)(?:\/o(?:\/([^/]+))?)?)?$/.exec(path) ?? [];
  if (path.startsWith('/storage/v1/')) return { operation: jsonOperation(method, path, key, query), bucket, key };
  const [, xmlBucket, xmlKey] = /^\/([^/]+)\/(.+)$/.exec(path) ?? [];
  const isRead = xmlKey !== undefined && (method === 'GET' || method === 'HEAD');
  return { operation: isRead ? 'GetMediaXml' : 'Unknown', bucket: xmlBucket, key: xmlKey };
}

function uploadRoute(method: string, query: URLSearchParams, request: IncomingMessage): Route {
  const id = query.get('upload_id');
  if (id === null) {
    const operation = query.get('uploadType') === 'resumable' ? 'StartUpload' : 'InsertObject';
    return { operation: method === 'POST' ? operation : 'Unknown', key: query.get('name') ?? '' };
  }
  if (method === 'DELETE') return { operation: 'CancelUpload', key: id };
  const isQuestion = /^bytes \*\//.test(request.headers['content-range'] ?? '');
  return {
    operation: isQuestion && request.headers['content-length'] === '0' ? 'UploadState' : 'UploadChunk',
    key: id,
  };
}

function jsonOperation(method: string, path: string, key: string | undefined, query: URLSearchParams): string {
  if (key !== undefined) {
    if (method === 'DELETE') return 'DeleteObject';
    if (method !== 'GET') return 'Unknown';
    return query.get('alt') === 'media' ? 'GetMedia' : 'GetObject';
  }
  if (path.endsWith('/o')) return method === 'GET' ? 'ListObjects' : 'Unknown';
  return method === 'GET' ? 'GetBucket' : 'Unknown';
}
