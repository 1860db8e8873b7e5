import { createHash, randomUUID } from 'node:crypto';
import type { StoredObject, Upload } from './gcs-bucket.ts';
import { checkHash, conditionOf, json, type OperationContext, resource } from './gcs-operations.ts';
import { GcsRefusal, invalid } from './gcs-refusal.ts';
import { joined } from './s3-content.ts';
import type { Reply } from './s3-operations.ts';

/** What has arrived of a chunk is kept in multiples of this, up to the last one. */
const GRANULE = 256 * 1024;

const sizeOf = (upload: Upload) => upload.parts.reduce((sum, part) => sum + part.size, 0);

export async function startUpload(context: OperationContext): Promise<Reply> {
  const { bucket, request, url } = context;
  const body = (await context.receive()).toString('utf8');
  const properties = { name: request.query.get('name') ?? '', ...(body === '' ? {} : JSON.parse(body)) };
  const condition = conditionOf(context);
  bucket.check(properties.name, condition);
  const id = randomUUID();
  bucket.uploads.set(id, { properties, condition, parts: [], checksum: createHash('md5'), state: { kind: 'open' } });
  const path = `/upload/storage/v1/b/${encodeURIComponent(request.bucket)}/o`;
  return { status: 200, headers: { location: `${url}${path}?uploadType=resumable&upload_id=${id}` } };
}

/** The address alone gives the right: no token is asked for. */
export async function uploadChunk(context: OperationContext): Promise<Reply> {
  const upload = uploadOf(context);
  if (upload.state.kind === 'done') return done(context, upload.state.object);
  const header = context.request.headers['content-range'] ?? 'bytes 0-*/*';
  const [, first = '', last = '', total = ''] = /^bytes (\d+)-(\d+|\*)\/(\d+|\*)$/.exec(header) ?? [];
  if (first === '') throw invalid('Invalid Content-Range');
  const received = await context.receive();
  const held = sizeOf(upload);
  if (Number(first) > held) throw invalid(`Invalid request. The upload stands at ${held}.`);
  // With an asterisk the request is all the rest, whose size only its own end tells.
  const isWhole = last === '*' || received.length === Number(last) - Number(first) + 1;
  const isLast = isWhole && (last === '*' || Number(last) + 1 === Number(total));
  const end = isLast ? received.length : received.length - (received.length % GRANULE);
  const fresh = received.subarray(held - Number(first), Math.max(end, held - Number(first)));
  await keep(context, upload, fresh);
  return isLast ? complete(context, upload) : stateOf(upload);
}

async function keep(context: OperationContext, upload: Upload, bytes: Buffer): Promise<void> {
  if (bytes.length === 0) return;
  const writer = context.spool.writer();
  await writer.write(bytes);
  upload.parts.push(await writer.finish());
  upload.checksum.update(bytes);
}

function complete(context: OperationContext, upload: Upload): Reply {
  const given = /md5=([^,]+)/.exec(String(context.request.headers['x-goog-hash'] ?? ''))?.[1];
  const md5Hash = upload.checksum.copy().digest('base64');
  checkHash(given ?? upload.properties.md5Hash, md5Hash);
  const condition = context.ignoreConditions ? undefined : upload.condition;
  const object = context.bucket.commit(upload.properties, condition, joined(upload.parts), md5Hash);
  upload.state = { kind: 'done', object };
  return done(context, object);
}

const done = ({ request }: OperationContext, object: StoredObject): Reply => json(resource(request.bucket, object));

export function uploadState(context: OperationContext): Reply {
  const upload = uploadOf(context);
  return upload.state.kind === 'done' ? done(context, upload.state.object) : stateOf(upload);
}

function stateOf(upload: Upload): Reply {
  const held = sizeOf(upload);
  return { status: 308, headers: held === 0 ? {} : { range: `bytes=0-${held - 1}` } };
}

export async function cancelUpload(context: OperationContext): Promise<Reply> {
  const upload = uploadOf(context);
  if (upload.state.kind === 'open') {
    upload.state = { kind: 'cancelled' };
    await joined(upload.parts).discard();
  }
  return { status: 499 };
}

function uploadOf({ bucket, request }: OperationContext): Upload {
  const upload = bucket.uploads.get(request.key);
  if (upload === undefined) throw new GcsRefusal(404, 'notFound', 'Not Found');
  if (upload.state.kind === 'cancelled') throw new GcsRefusal(410, 'gone', 'The upload was cancelled.');
  return upload;
}
