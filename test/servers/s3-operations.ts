import { createHash, randomUUID } from 'node:crypto';
import { type Bucket, etagMatches, preconditionFailed, type StoredObject } from './s3-bucket.ts';
import { type Content, contentOf, joined } from './s3-content.ts';
import { escapeXml, noSuchKey, noSuchUpload, S3Refusal, unescapeXml } from './s3-refusal.ts';
import type { S3Request } from './s3-request.ts';
import type { ReceivedBody } from './s3-request-body.ts';

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly content?: Content;
  readonly range?: { readonly start: number; readonly end: number };
}

export interface OperationContext {
  readonly bucket: Bucket;
  readonly request: S3Request;
  readonly receive: () => Promise<ReceivedBody>;
  readonly ignoreConditions: boolean;
  readonly keepDeleted: boolean;
  readonly refuseDeletes: boolean;
  readonly minimumPartSize: number;
  readonly now: () => number;
}

export const xml = (body: string, status = 200): Reply => ({
  status,
  headers: { 'content-type': 'application/xml' },
  content: contentOf(Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${body}`)),
});

const KEPT = /^(x-amz-meta-.*|content-type|x-amz-storage-class|x-amz-server-side-encryption.*)$/;

/** What comes back with an object. A customer's key itself is never kept, only what tells it from another. */
function keptHeaders(headers: S3Request['headers']): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => KEPT.test(name) && !name.endsWith('-customer-key'));
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
}

export async function putObject(context: OperationContext): Promise<Reply> {
  const { bucket, request } = context;
  if (Buffer.byteLength(request.key) > 1024) throw new S3Refusal(400, 'KeyTooLongError', 'Your key is too long');
  const write = bucket.begin(request.key, request.headers, context.ignoreConditions);
  try {
    const body = await context.receive();
    const etag = body.md5.toString('hex');
    const headers = keptHeaders(request.headers);
    try {
      bucket.commit(write, {
        key: request.key,
        content: body.content,
        etag,
        lastModified: new Date(context.now()),
        headers,
      });
    } catch (error) {
      await body.content.discard();
      throw error;
    }
    return { status: 200, headers: { etag: `"${etag}"`, ...body.checksums } };
  } finally {
    bucket.end(write);
  }
}

export async function getObject({ bucket, request }: OperationContext): Promise<Reply> {
  const object = bucket.objects.get(request.key);
  if (object === undefined) throw noSuchKey();
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = request.headers;
  if (ifMatch !== undefined && !etagMatches(ifMatch, object)) throw preconditionFailed();
  if (ifNoneMatch !== undefined && etagMatches(ifNoneMatch, object)) return { status: 304 };
  checkCustomerKey(object, request);
  const size = object.content.size;
  const range = rangeOf(request.headers.range, size);
  const headers = {
    'content-type': 'binary/octet-stream',
    ...object.headers,
    etag: `"${object.etag}"`,
    'last-modified': object.lastModified.toUTCString(),
    'accept-ranges': 'bytes',
    ...(range === undefined ? {} : { 'content-range': `bytes ${range.start}-${range.end - 1}/${size}` }),
  };
  return {
    status: range === undefined ? 200 : 206,
    headers,
    content: object.content,
    range: range ?? { start: 0, end: size },
  };
}

function checkCustomerKey(object: StoredObject, request: S3Request): void {
  const name = 'x-amz-server-side-encryption-customer-key-md5';
  const [kept, given] = [object.headers[name], request.headers[name]];
  if (kept === given) return;
  if (kept !== undefined && given !== undefined) throw new S3Refusal(403, 'AccessDenied', 'Access Denied');
  const text = 'The object was stored using a form of Server Side Encryption. The correct parameters must be provided.';
  throw new S3Refusal(400, 'InvalidRequest', text);
}

function rangeOf(header: string | undefined, size: number) {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (match === null || (match[1] === '' && match[2] === '')) return undefined;
  const [, first = '', last = ''] = match;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1);
  if (start < size && end > start) return { start, end };
  throw new S3Refusal(416, 'InvalidRange', 'The requested range is not satisfiable', {
    'content-range': `bytes */${size}`,
  });
}

export async function deleteObject({ bucket, request, keepDeleted }: OperationContext): Promise<Reply> {
  const object = bucket.objects.get(request.key);
  const ifMatch = request.headers['if-match'];
  if (ifMatch !== undefined && object !== undefined && !etagMatches(ifMatch, object)) throw preconditionFailed();
  if (!keepDeleted) await removeObject(bucket, request.key);
  return { status: 204 };
}

async function removeObject(bucket: Bucket, key: string): Promise<void> {
  const object = bucket.objects.get(key);
  bucket.objects.delete(key);
  await object?.content.discard();
}

export async function deleteObjects(context: OperationContext): Promise<Reply> {
  const { headers } = context.request;
  const checked = Object.keys(headers).some((name) => name === 'content-md5' || /^x-amz-checksum-/.test(name));
  if (!checked) throw new S3Refusal(400, 'InvalidRequest', 'Missing required header for this request: Content-MD5');
  const body = await textOf(context);
  const keys = [...body.matchAll(/<Key>([^<]*)<\/Key>/g)].map((match) => unescapeXml(match[1] ?? ''));
  if (keys.length === 0 || keys.length > 1000) {
    throw new S3Refusal(400, 'MalformedXML', 'The XML you provided was not well-formed');
  }
  if (context.refuseDeletes) {
    const errors = keys.map(
      (key) => `<Error><Key>${escapeXml(key)}</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error>`,
    );
    return xml(`<DeleteResult>${errors.join('')}</DeleteResult>`);
  }
  if (!context.keepDeleted) for (const key of keys) await removeObject(context.bucket, key);
  const quiet = /<Quiet>true<\/Quiet>/.test(body);
  const deleted = quiet ? [] : keys.map((key) => `<Deleted><Key>${escapeXml(key)}</Key></Deleted>`);
  return xml(`<DeleteResult>${deleted.join('')}</DeleteResult>`);
}

export async function createMultipartUpload({ bucket, request }: OperationContext): Promise<Reply> {
  const id = randomUUID();
  bucket.uploads.set(id, { key: request.key, headers: keptHeaders(request.headers), parts: new Map() });
  return xml(
    `<InitiateMultipartUploadResult><Key>${escapeXml(request.key)}</Key><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
  );
}

export async function uploadPart(context: OperationContext): Promise<Reply> {
  const { upload } = uploadOf(context);
  const number = Number(context.request.query.get('partNumber'));
  if (!Number.isInteger(number) || number < 1 || number > 10_000) {
    throw new S3Refusal(400, 'InvalidArgument', 'Part number must be an integer between 1 and 10000, inclusive');
  }
  const body = await context.receive();
  const etag = body.md5.toString('hex');
  await upload.parts.get(number)?.content.discard();
  upload.parts.set(number, { content: body.content, etag });
  return { status: 200, headers: { etag: `"${etag}"`, ...body.checksums } };
}

export async function completeMultipartUpload(context: OperationContext): Promise<Reply> {
  const { bucket, request } = context;
  const { id, upload } = uploadOf(context);
  const write = bucket.begin(request.key, request.headers, context.ignoreConditions);
  try {
    const parts = partsOf(await textOf(context), upload.parts, context.minimumPartSize);
    const digest = createHash('md5');
    for (const part of parts) digest.update(Buffer.from(part.etag, 'hex'));
    const etag = `${digest.digest('hex')}-${parts.length}`;
    const content = joined(parts.map((part) => part.content));
    const { key, headers } = upload;
    bucket.commit(write, { key, content, etag, lastModified: new Date(context.now()), headers });
    bucket.uploads.delete(id);
    return xml(
      `<CompleteMultipartUploadResult><Key>${escapeXml(key)}</Key><ETag>&quot;${etag}&quot;</ETag></CompleteMultipartUploadResult>`,
    );
  } finally {
    bucket.end(write);
  }
}

type Parts = ReadonlyMap<number, { readonly content: Content; readonly etag: string }>;

function partsOf(body: string, uploaded: Parts, minimumPartSize: number) {
  const listed = [...body.matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part = '']) => ({
    number: Number(/<PartNumber>(\d+)<\/PartNumber>/.exec(part)?.[1]),
    etag: unescapeXml(/<ETag>([^<]*)<\/ETag>/.exec(part)?.[1] ?? '').replaceAll('"', ''),
  }));
  if (listed.length === 0) throw new S3Refusal(400, 'MalformedXML', 'The XML you provided was not well-formed');
  if (listed.some(({ number }, index) => index > 0 && number <= (listed[index - 1]?.number ?? 0))) {
    throw new S3Refusal(400, 'InvalidPartOrder', 'The list of parts was not in ascending order.');
  }
  const parts = listed.map(({ number, etag }) => {
    const part = uploaded.get(number);
    if (part !== undefined && part.etag === etag) return part;
    throw new S3Refusal(400, 'InvalidPart', 'One or more of the specified parts could not be found.');
  });
  if (parts.slice(0, -1).some((part) => part.content.size < minimumPartSize)) {
    throw new S3Refusal(400, 'EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size');
  }
  return parts;
}

export async function abortMultipartUpload(context: OperationContext): Promise<Reply> {
  const { id, upload } = uploadOf(context);
  context.bucket.uploads.delete(id);
  for (const part of upload.parts.values()) await part.content.discard();
  return { status: 204 };
}

function uploadOf({ bucket, request }: OperationContext) {
  const id = request.query.get('uploadId') ?? '';
  const upload = bucket.uploads.get(id);
  if (upload === undefined || upload.key !== request.key) throw noSuchUpload();
  return { id, upload };
}

async function textOf(context: OperationContext): Promise<string> {
  const { content } = await context.receive();
  const chunks = await Array.fromAsync(content.read(0, content.size));
  await content.discard();
  return Buffer.concat(chunks).toString('utf8');
}

export const textContent = (text: string): Content => contentOf(Buffer.from(text));
