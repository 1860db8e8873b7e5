import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { FaultAction } from './s3-faults.ts';
import type { Reply } from './s3-operations.ts';

/** Writes an answer, or as much of it as the fault lets through. */
export async function sendReply(
  incoming: IncomingMessage,
  response: ServerResponse,
  reply: Reply,
  fault: FaultAction | undefined,
): Promise<void> {
  const { start, end } = reply.range ?? { start: 0, end: reply.content?.size ?? 0 };
  response.writeHead(reply.status, {
    'x-amz-request-id': 'test',
    ...reply.headers,
    ...(reply.status === 204 || reply.status === 304 ? {} : { 'content-length': end - start }),
    // What was refused before it was read would otherwise be taken for the next request.
    ...(incoming.complete ? {} : { connection: 'close' }),
  });
  if (reply.content !== undefined && incoming.method !== 'HEAD') {
    const half = fault?.kind === 'drop' && fault.at === 'half-response';
    const stop = half ? start + Math.floor((end - start) / 2) : end;
    const bytes = reply.content.read(start, stop);
    if (fault?.kind === 'slow') await writeSlowly(response, bytes, fault.bytesPerSecond);
    else await pipeline(Readable.from(bytes), response, { end: false });
    if (half) {
      // Let what was written reach the other side before the connection goes.
      await pause(20);
      incoming.socket.destroy();
      return;
    }
  }
  response.end();
  incoming.resume();
}

async function writeSlowly(response: ServerResponse, bytes: AsyncIterable<Buffer>, bytesPerSecond: number) {
  const step = Math.max(1, Math.floor(bytesPerSecond / 20));
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length && !response.destroyed; at += step) {
      response.write(chunk.subarray(at, at + step));
      await pause(50);
    }
  }
}
