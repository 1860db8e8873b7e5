import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Bucket } from './s3-bucket.ts';
import { createSpool, type Spool } from './s3-content.ts';
import { createFaultList, type Fault, type FaultAction, type FaultList } from './s3-faults.ts';
import { listObjects } from './s3-list.ts';
import type { OperationContext, Reply } from './s3-operations.ts';
import * as operations from './s3-operations.ts';
import { escapeXml, noSuchBucket, S3Refusal } from './s3-refusal.ts';
import { sendReply } from './s3-reply.ts';
import { parseS3Request, type S3Request } from './s3-request.ts';
import { receiveBody } from './s3-request-body.ts';
import { checkSignature, type Identity } from './s3-signature.ts';

export interface S3ServerOptions extends Partial<Identity> {
  readonly port?: number;
  readonly buckets?: readonly string[];
  /** Below AWS's 5 MiB only to make multipart uploads cheap to test. */
  readonly minimumPartSize?: number;
  readonly now?: () => number;
}

/** One request, in the order they came; status 0 as long as it has no answer. */
export interface RequestRecord {
  readonly method: string;
  readonly operation: string;
  readonly bucket: string;
  readonly key: string;
  readonly headers: IncomingMessage['headers'];
  readonly status: number;
}

export interface ObjectRecord {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface S3Server {
  readonly url: string;
  readonly port: number;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly requests: RequestRecord[];
  readonly faults: FaultList;
  objects(bucket: string): readonly ObjectRecord[];
  read(bucket: string, key: string): Promise<Buffer>;
  /** Multipart uploads begun and neither completed nor aborted. */
  unfinishedUploads(bucket: string): number;
  stop(): Promise<void>;
}

/**
 * A small S3 on 127.0.0.1 that keeps S3's word where our safety depends on it: signatures, conditional writes,
 * listing order, checksums, error codes; and that fails or lies on demand. Judged by the same suite as a real one.
 */
export async function startS3Server(options: S3ServerOptions = {}): Promise<S3Server> {
  const state: ServerState = {
    ...options,
    accessKeyId: options.accessKeyId ?? 'test',
    secretAccessKey: options.secretAccessKey ?? 'testsecret',
    minimumPartSize: options.minimumPartSize ?? 5 * 1024 * 1024,
    now: options.now ?? Date.now,
    spool: await createSpool(),
    buckets: new Map((options.buckets ?? []).map((name) => [name, new Bucket()])),
    faults: createFaultList(),
    requests: [],
  };
  const listener = (incoming: IncomingMessage, response: ServerResponse) => {
    handle(state, incoming, response).catch(() => incoming.socket?.destroy());
  };
  const server = createServer().on('request', listener).on('checkContinue', listener);
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    accessKeyId: state.accessKeyId,
    secretAccessKey: state.secretAccessKey,
    requests: state.requests,
    faults: state.faults,
    ...inspectionOf(state),
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await state.spool.remove();
    },
  };
}

interface ServerState extends Identity {
  readonly minimumPartSize: number;
  readonly now: () => number;
  readonly spool: Spool;
  readonly buckets: Map<string, Bucket>;
  readonly faults: FaultList;
  readonly requests: RequestRecord[];
}

function inspectionOf(state: ServerState): Pick<S3Server, 'objects' | 'read' | 'unfinishedUploads'> {
  const bucketOf = (name: string) => state.buckets.get(name) ?? new Bucket();
  return {
    objects: (name) =>
      [...bucketOf(name).objects.values()].map(({ key, content, etag, headers }) => ({
        key,
        size: content.size,
        etag,
        headers,
      })),
    read: async (name, key) => {
      const object = bucketOf(name).objects.get(key);
      if (object === undefined) throw new Error(`no ${key} in ${name}`);
      return Buffer.concat(await Array.fromAsync(object.content.read(0, object.content.size)));
    },
    unfinishedUploads: (name) => bucketOf(name).uploads.size,
  };
}

async function handle(state: ServerState, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  if (incoming.url?.startsWith('/_control/') === true) return control(incoming, response, state.faults, state.requests);
  const request = parseS3Request(incoming);
  const { method, operation, bucket, key, headers } = request;
  const record = { method, operation, bucket, key, headers, status: 0 };
  state.requests.push(record);
  const fault = state.faults.take(request);
  if (await isFaultedEarly(fault, incoming, response)) return;
  const reply = await answer(state, incoming, response, request, fault).catch(refusalReply);
  if (fault?.kind === 'drop' && fault.at === 'response') return void incoming.socket.destroy();
  record.status = reply.status;
  await sendReply(incoming, response, reply, fault);
}

async function answer(
  state: ServerState,
  incoming: IncomingMessage,
  response: ServerResponse,
  request: S3Request,
  fault: FaultAction | undefined,
): Promise<Reply> {
  if (fault?.kind === 'answer') throw new S3Refusal(fault.status, fault.code, 'A fault on demand', fault.headers);
  const signed = checkSignature(incoming, state, state.now());
  if (request.operation === 'ListBuckets') return listBuckets(state.buckets);
  if (request.operation === 'CreateBucket') {
    if (!state.buckets.has(request.bucket)) state.buckets.set(request.bucket, new Bucket());
    return { status: 200 };
  }
  const bucket = state.buckets.get(request.bucket);
  if (bucket === undefined) throw noSuchBucket();
  return perform({
    bucket,
    request,
    ignoreConditions: fault?.kind === 'ignore-conditions',
    keepDeleted: fault?.kind === 'keep-deleted',
    refuseDeletes: fault?.kind === 'refuse-deletes',
    now: state.now,
    minimumPartSize: state.minimumPartSize,
    receive: () => {
      if (incoming.headers.expect?.toLowerCase() === '100-continue') response.writeContinue();
      return receiveBody(incoming, signed, state.spool);
    },
  });
}

function refusalReply(error: unknown): Reply {
  const refusal = error instanceof S3Refusal ? error : new S3Refusal(500, 'InternalError', String(error));
  return {
    ...operations.xml('', refusal.status),
    ...(refusal.status === 304 ? {} : { content: operations.textContent(refusal.body) }),
    headers: { 'content-type': 'application/xml', ...refusal.headers },
  };
}

/** Faults that come before any answer. */
async function isFaultedEarly(
  fault: FaultAction | undefined,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  if (fault?.kind === 'hang') return true;
  if (fault?.kind === 'delay') await pause(fault.milliseconds);
  if (fault?.kind !== 'drop') return false;
  if (fault.at === 'half-request') {
    if (incoming.headers.expect !== undefined) response.writeContinue();
    let left = Number(incoming.headers['content-length'] ?? 0) / 2;
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      left -= chunk.length;
      if (left <= 0) break;
    }
  }
  if (fault.at === 'start' || fault.at === 'half-request') incoming.socket?.destroy();
  return fault.at === 'start' || fault.at === 'half-request';
}

function perform(context: OperationContext): Promise<Reply> {
  switch (context.request.operation) {
    case 'PutObject':
      return operations.putObject(context);
    case 'GetObject':
    case 'HeadObject':
      return operations.getObject(context);
    case 'DeleteObject':
      return operations.deleteObject(context);
    case 'DeleteObjects':
      return operations.deleteObjects(context);
    case 'CreateMultipartUpload':
      return operations.createMultipartUpload(context);
    case 'UploadPart':
      return operations.uploadPart(context);
    case 'CompleteMultipartUpload':
      return operations.completeMultipartUpload(context);
    case 'AbortMultipartUpload':
      return operations.abortMultipartUpload(context);
    case 'ListObjects':
    case 'ListObjectsV2':
      return listObjects(context);
    case 'HeadBucket':
      return Promise.resolve({ status: 200, headers: { 'x-amz-bucket-region': 'us-east-1' } });
    case 'GetBucketLocation':
      return Promise.resolve(operations.xml('<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>'));
    default:
      throw new S3Refusal(501, 'NotImplemented', `This server does not do ${context.request.operation}.`);
  }
}

function listBuckets(buckets: ReadonlyMap<string, Bucket>): Reply {
  const names = [...buckets.keys()].map((name) => `<Bucket><Name>${escapeXml(name)}</Name></Bucket>`);
  return operations.xml(`<ListAllMyBucketsResult><Buckets>${names.join('')}</Buckets></ListAllMyBucketsResult>`);
}

/** Faults and the log of requests for a test in another process: POST and DELETE /_control/faults, GET /_control/requests. */
async function control(
  incoming: IncomingMessage,
  response: ServerResponse,
  faults: FaultList,
  requests: readonly RequestRecord[],
): Promise<void> {
  const body = Buffer.concat(await Array.fromAsync(incoming as AsyncIterable<Buffer>)).toString('utf8');
  if (incoming.method === 'POST') faults.add(JSON.parse(body) as Fault);
  if (incoming.method === 'DELETE') faults.clear();
  response.setHeader('content-type', 'application/json').end(JSON.stringify(requests));
}
