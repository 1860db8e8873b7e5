import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Bucket } from './gcs-bucket.ts';
import { listObjects } from './gcs-list.ts';
import * as operations from './gcs-operations.ts';
import { GcsRefusal, noSuchBucket } from './gcs-refusal.ts';
import { type GcsRequest, parseGcsRequest } from './gcs-request.ts';
import * as resumable from './gcs-resumable.ts';
import { createTokenIssuer, type TokenIssuer } from './gcs-token.ts';
import { createSpool, type Spool } from './s3-content.ts';
import { createFaultList, type Fault, type FaultAction, type FaultList } from './s3-faults.ts';
import type { Reply } from './s3-operations.ts';
import { sendReply } from './s3-reply.ts';
import type { RequestRecord } from './s3-server.ts';

export interface GcsServerOptions {
  readonly port?: number;
  readonly buckets?: readonly string[];
  /** Lets requests without a token in, as emulators do: for clients told of it by STORAGE_EMULATOR_HOST. */
  readonly allowAnonymous?: boolean;
  readonly now?: () => number;
  /** Sees the body of each request, and may change it as a broken wire does. */
  readonly onReceive?: (operation: string, body: Buffer) => void;
}

export interface GcsServer {
  readonly url: string;
  readonly port: number;
  /** A service account's key, whose token endpoint is this server. */
  readonly serviceAccountKey: string;
  /** Tokens of another provider that its token endpoint takes. */
  readonly federatedTokens: Set<string>;
  readonly requests: RequestRecord[];
  readonly faults: FaultList;
  createBucket(name: string): void;
  /** All tokens given so far are worth nothing from now on. */
  revokeTokens(): void;
  objects(bucket: string): readonly ReturnType<typeof operations.resource>[];
  read(bucket: string, name: string): Promise<Buffer>;
  /** Resumable uploads begun and neither completed nor cancelled. */
  unfinishedUploads(bucket: string): number;
  stop(): Promise<void>;
}

/**
 * A small Google Cloud Storage on 127.0.0.1 that keeps its word where our safety depends on it: tokens, generation
 * conditions, checksums, resumable uploads, listing order, error words; and that fails or lies on demand.
 */
export async function startGcsServer(options: GcsServerOptions = {}): Promise<GcsServer> {
  const state: ServerState = {
    allowAnonymous: options.allowAnonymous ?? false,
    onReceive: options.onReceive ?? (() => {}),
    tokens: createTokenIssuer(options.now ?? Date.now),
    spool: await createSpool(),
    buckets: new Map((options.buckets ?? []).map((name) => [name, new Bucket()])),
    faults: createFaultList(),
    requests: [],
    url: '',
  };
  const server = createServer((incoming, response) => {
    const { socket } = incoming;
    handle(state, incoming, response, () => socket.destroy()).catch(() => socket.destroy());
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  state.url = `http://127.0.0.1:${port}`;
  return {
    url: state.url,
    port,
    serviceAccountKey: state.tokens.serviceAccountKey(`${state.url}/token`),
    federatedTokens: state.tokens.federated,
    requests: state.requests,
    faults: state.faults,
    createBucket: (name) => void state.buckets.set(name, new Bucket()),
    revokeTokens: () => state.tokens.revoke(),
    ...inspectionOf(state),
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await state.spool.remove();
    },
  };
}

interface ServerState {
  readonly allowAnonymous: boolean;
  readonly onReceive: (operation: string, body: Buffer) => void;
  readonly tokens: TokenIssuer;
  readonly spool: Spool;
  readonly buckets: Map<string, Bucket>;
  readonly faults: FaultList;
  readonly requests: RequestRecord[];
  /** Known once the server listens. */
  url: string;
}

function inspectionOf(state: ServerState): Pick<GcsServer, 'objects' | 'read' | 'unfinishedUploads'> {
  const bucketOf = (name: string) => state.buckets.get(name) ?? new Bucket();
  return {
    objects: (name) => [...bucketOf(name).objects.values()].map((object) => operations.resource(name, object)),
    read: async (bucket, name) => {
      const object = bucketOf(bucket).objects.get(name);
      if (object === undefined) throw new Error(`no ${name} in ${bucket}`);
      return Buffer.concat(await Array.fromAsync(object.content.read(0, object.content.size)));
    },
    unfinishedUploads: (name) =>
      [...bucketOf(name).uploads.values()].filter((upload) => upload.state.kind === 'open').length,
  };
}

async function handle(
  state: ServerState,
  incoming: IncomingMessage,
  response: ServerResponse,
  hangUp: () => void,
): Promise<void> {
  if (incoming.url?.startsWith('/_control/') === true) return control(incoming, response, state);
  const request = parseGcsRequest(incoming);
  const { method, operation, bucket, key, headers } = request;
  const record = { method, operation, bucket, key, headers, status: 0 };
  state.requests.push(record);
  const fault = state.faults.take(request);
  if (fault?.kind === 'hang') return;
  if (fault?.kind === 'delay') await pause(fault.milliseconds);
  if (fault?.kind === 'drop' && fault.at === 'start') return hangUp();
  const reply = await answer(state, incoming, request, fault).catch(refusalReply);
  if (fault?.kind === 'drop' && fault.at !== 'half-response') return hangUp();
  record.status = reply.status;
  await sendReply(incoming, response, reply, fault);
}

async function answer(
  state: ServerState,
  incoming: IncomingMessage,
  request: GcsRequest,
  fault: FaultAction | undefined,
): Promise<Reply> {
  // A chunk that is cut off half way is kept as far as it came; any other half of a request is nothing.
  const half = fault?.kind === 'drop' && fault.at === 'half-request';
  const receive = async () => {
    const limit = half ? Number(incoming.headers['content-length'] ?? 0) / 2 : undefined;
    const body = await receiveBody(incoming, limit);
    state.onReceive(request.operation, body);
    return body;
  };
  if (fault?.kind === 'answer') {
    await receive();
    throw new GcsRefusal(fault.status, fault.code, 'A fault on demand', fault.headers);
  }
  if (request.operation === 'Token') {
    const { status, body } = state.tokens.exchange(new URLSearchParams((await receive()).toString('utf8')));
    return operations.json(body, status);
  }
  if (request.operation === 'Metadata') return machineMetadata(state, request);
  const isUpload = ['UploadChunk', 'UploadState', 'CancelUpload'].includes(request.operation);
  try {
    const isAnonymous = state.allowAnonymous && incoming.headers.authorization === undefined;
    if (!isUpload && !isAnonymous) state.tokens.check(incoming);
    const bucket = state.buckets.get(request.bucket);
    if (bucket === undefined) throw noSuchBucket();
    if (half && !isUpload) return { status: 0 };
    return await perform({
      bucket,
      request,
      // As the client reached it, also through a proxy.
      url: `http://${incoming.headers.host ?? new URL(state.url).host}`,
      spool: state.spool,
      receive,
      ignoreConditions: fault?.kind === 'ignore-conditions',
      keepDeleted: fault?.kind === 'keep-deleted',
    });
  } catch (error) {
    // An answer before the body is read would be lost with the connection.
    await receiveBody(incoming, undefined);
    throw error;
  }
}

async function receiveBody(incoming: IncomingMessage, limit: number | undefined): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (limit !== undefined && size >= limit) break;
  }
  return Buffer.concat(chunks);
}

function perform(context: operations.OperationContext): Reply | Promise<Reply> {
  switch (context.request.operation) {
    case 'InsertObject':
      return operations.insertObject(context);
    case 'StartUpload':
      return resumable.startUpload(context);
    case 'UploadChunk':
      return resumable.uploadChunk(context);
    case 'UploadState':
      return resumable.uploadState(context);
    case 'CancelUpload':
      return resumable.cancelUpload(context);
    case 'GetMedia':
    case 'GetMediaXml':
      return operations.getMedia(context);
    case 'GetObject':
      return operations.getObject(context);
    case 'DeleteObject':
      return operations.deleteObject(context);
    case 'ListObjects':
      return listObjects(context);
    case 'GetBucket':
      return operations.json({ kind: 'storage#bucket', name: context.request.bucket, location: 'US' });
    default:
      throw new GcsRefusal(501, 'notImplemented', `This server does not do ${context.request.operation}.`);
  }
}

/** What a machine at Google learns of itself, for clients told by GCE_METADATA_HOST that they are on one. */
function machineMetadata(state: ServerState, request: GcsRequest): Reply {
  const flavor = { 'metadata-flavor': 'Google' };
  if (request.headers['metadata-flavor'] !== 'Google') return operations.json('{}', 403, flavor);
  if (/\/token$/.test(request.key)) return operations.json(state.tokens.issue(), 200, flavor);
  return operations.json('{}', /instance\/?$/.test(request.key) ? 200 : 404, flavor);
}

function refusalReply(error: unknown): Reply {
  const refusal = error instanceof GcsRefusal ? error : new GcsRefusal(500, 'internalError', String(error));
  return operations.json(refusal.body, refusal.status, refusal.headers);
}

/** Faults and the log of requests for a test in another process: POST and DELETE /_control/faults, GET /_control/requests. */
async function control(incoming: IncomingMessage, response: ServerResponse, state: ServerState): Promise<void> {
  const body = (await receiveBody(incoming, undefined)).toString('utf8');
  if (incoming.method === 'POST') state.faults.add(JSON.parse(body) as Fault);
  if (incoming.method === 'DELETE') state.faults.clear();
  response.setHeader('content-type', 'application/json').end(JSON.stringify(state.requests));
}
