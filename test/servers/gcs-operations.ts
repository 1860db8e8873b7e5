import { createHash } from 'node:crypto';
import type { Bucket, ObjectProperties, StoredObject } from './gcs-bucket.ts';
import { conditionNotMet, GcsRefusal, invalid, noSuchObject } from './gcs-refusal.ts';
import type { GcsRequest } from './gcs-request.ts';
import { contentOf, type Spool } from './s3-content.ts';
import type { Reply } from './s3-operations.ts';

export interface OperationContext {
  readonly bucket: Bucket;
  readonly request: GcsRequest;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly spool: Spool;
  /** The request's body, or as much of it as comes. */
  readonly receive: () => Promise<Buffer>;
  readonly ignoreConditions: boolean;
  readonly keepDeleted: boolean;
}

export const json = (value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Reply => ({
  status,
  headers: { 'content-type': 'application/json; charset=UTF-8', ...headers },
  content: contentOf(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))),
});

export const conditionOf = ({ request, ignoreConditions }: OperationContext): string | undefined =>
  ignoreConditions ? undefined : (request.query.get('ifGenerationMatch') ?? undefined);

export function resource(bucket: string, object: StoredObject) {
  const time = object.created.toISOString();
  return {
    kind: 'storage#object',
    id: `${bucket}/${object.name}/${object.generation}`,
    name: object.name,
    bucket,
    generation: String(object.generation),
    metageneration: '1',
    contentType: object.contentType ?? 'application/octet-stream',
    storageClass: 'STANDARD',
    size: String(object.content.size),
    md5Hash: object.md5Hash,
    etag: `${object.generation}`,
    timeCreated: time,
    updated: time,
    ...(object.metadata === undefined ? {} : { metadata: object.metadata }),
  };
}

/** An upload in one request: `multipart/related` with properties and bytes, or the bytes alone. */
export async function insertObject(context: OperationContext): Promise<Reply> {
  const { bucket, request } = context;
  const body = await context.receive();
  const type = String(request.headers['content-type'] ?? '');
  const { properties, bytes } = /^multipart\/related/i.test(type)
    ? partsOf(body, type)
    : { properties: { contentType: type }, bytes: body };
  const named = { name: request.query.get('name') ?? '', ...properties };
  if (named.name === '') throw new GcsRefusal(400, 'required', 'Required');
  const writer = context.spool.writer();
  await writer.write(bytes);
  const content = await writer.finish();
  const md5Hash = createHash('md5').update(bytes).digest('base64');
  checkHash(named.md5Hash, md5Hash);
  return json(resource(request.bucket, bucket.commit(named, conditionOf(context), content, md5Hash)));
}

export function checkHash(given: string | undefined, calculated: string): void {
  if (given === undefined || given === calculated) return;
  throw invalid(`Provided MD5 hash "${given}" doesn't match calculated MD5 hash "${calculated}".`);
}

function partsOf(
  body: Buffer,
  type: string,
): { readonly properties: Partial<ObjectProperties>; readonly bytes: Buffer } {
  const boundary = /boundary="?([^";]+)"?/i.exec(type)?.[1] ?? '';
  const [first, second] = [0, 1].reduce<{ readonly parts: Buffer[]; readonly from: number }>(
    ({ parts, from }) => {
      const begin = body.indexOf('\r\n\r\n', body.indexOf(`--${boundary}`, from)) + 4;
      const end = body.indexOf(`\r\n--${boundary}`, begin - 2);
      if (begin < 4 || end < 0) throw invalid('Invalid multipart request with 0 mime parts.');
      return { parts: [...parts, body.subarray(begin, Math.max(begin, end))], from: end };
    },
    { parts: [], from: 0 },
  ).parts;
  return { properties: JSON.parse(first?.toString('utf8') || '{}'), bytes: second ?? Buffer.alloc(0) };
}

/** The bytes of an object; errors of this one come as plain text, as Google sends them. */
export function getMedia({ bucket, request }: OperationContext): Reply {
  const object = bucket.objects.get(request.key);
  if (object === undefined) return plain(404, `No such object: ${request.bucket}/${request.key}`);
  const wanted = request.query.get('ifGenerationMatch');
  if (wanted !== null && wanted !== String(object.generation)) throw conditionNotMet();
  const { size } = object.content;
  const range = rangeOf(request.headers.range, size);
  if (range === 'unsatisfiable') {
    return plain(416, 'Request range not satisfiable', { 'content-range': `bytes */${size}` });
  }
  return {
    status: range === undefined ? 200 : 206,
    headers: {
      'content-type': object.contentType ?? 'application/octet-stream',
      etag: `"${object.generation}"`,
      'last-modified': object.created.toUTCString(),
      'accept-ranges': 'bytes',
      'x-goog-generation': String(object.generation),
      'x-goog-metageneration': '1',
      'x-goog-stored-content-encoding': 'identity',
      'x-goog-stored-content-length': String(size),
      'x-goog-hash': `md5=${object.md5Hash}`,
      'x-goog-storage-class': 'STANDARD',
      ...(range === undefined ? {} : { 'content-range': `bytes ${range.start}-${range.end - 1}/${size}` }),
    },
    content: object.content,
    range: range ?? { start: 0, end: size },
  };
}

function plain(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Reply {
  return {
    status,
    headers: { 'content-type': 'text/html; charset=UTF-8', ...headers },
    content: contentOf(Buffer.from(text)),
  };
}

function rangeOf(header: string | undefined, size: number) {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (match === null || (match[1] === '' && match[2] === '')) return undefined;
  const [, first = '', last = ''] = match;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1);
  return start < size && end > start ? { start, end } : ('unsatisfiable' as const);
}

export function getObject({ bucket, request }: OperationContext): Reply {
  const object = bucket.objects.get(request.key);
  if (object === undefined) throw noSuchObject(`${request.bucket}/${request.key}`);
  return json(resource(request.bucket, object));
}

export async function deleteObject(context: OperationContext): Promise<Reply> {
  const { bucket, request, keepDeleted } = context;
  const object = bucket.objects.get(request.key);
  if (object === undefined) throw noSuchObject(`${request.bucket}/${request.key}`);
  bucket.check(request.key, conditionOf(context));
  if (!keepDeleted) {
    bucket.objects.delete(request.key);
    await object.content.discard();
  }
  return { status: 204 };
}
