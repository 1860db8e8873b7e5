import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** What the network does, to connections that are open as to new ones. */
export type NetworkMode =
  | { readonly kind: 'pass' }
  /** Each piece arrives this much later. */
  | { readonly kind: 'delay'; readonly milliseconds: number }
  | { readonly kind: 'rate'; readonly bytesPerSecond: number }
  /** Connections are reset after this many bytes in that direction, `times` connections long (all, without). */
  | { readonly kind: 'reset'; readonly after: number; readonly direction: 'up' | 'down'; readonly times?: number }
  /** Half of the next piece in that direction arrives, then the connection is reset. */
  | { readonly kind: 'half'; readonly direction: 'up' | 'down' }
  /** Answers HTTP requests by itself, as a load balancer with nothing behind it does. */
  | { readonly kind: 'answer'; readonly status: number }
  /** Takes everything, answers nothing. */
  | { readonly kind: 'blackhole' }
  /** Nobody listens. */
  | { readonly kind: 'refuse' };

export interface FaultProxy {
  readonly port: number;
  readonly url: string;
  /** Connections accepted so far. */
  connections(): number;
  set(mode: NetworkMode): Promise<void>;
  stop(): Promise<void>;
}

/** A TCP proxy on 127.0.0.1 whose network can be made bad, and good again, at run time. */
export async function startFaultProxy(targetPort: number): Promise<FaultProxy> {
  const sockets = new Set<Socket>();
  let mode: NetworkMode = { kind: 'pass' };
  let resetsLeft = Number.POSITIVE_INFINITY;
  let accepted = 0;

  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {}).once('close', () => sockets.delete(socket));
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    accepted += 1;
    const target = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true });
    track(client);
    track(target);
    client.once('close', () => target.destroy());
    target.once('close', () => client.destroy());
    void carry(client, target, 'up');
    void carry(target, client, 'down');
  });

  const carry = async (from: Socket, to: Socket, direction: 'up' | 'down') => {
    let carried = 0;
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        carried += chunk.length;
        const now = mode;
        if (now.kind === 'blackhole') continue;
        if (now.kind === 'answer') {
          if (direction === 'up') await answer(from, now.status);
          continue;
        }
        if (now.kind === 'half' && now.direction === direction) {
          await write(to, chunk.subarray(0, Math.ceil(chunk.length / 2)));
          await resetBoth(from, to);
          return;
        }
        if (now.kind === 'delay') await pause(now.milliseconds);
        if (now.kind === 'reset' && now.direction === direction && carried > now.after && resetsLeft > 0) {
          resetsLeft -= 1;
          await write(to, chunk.subarray(0, Math.max(0, chunk.length - (carried - now.after))));
          await resetBoth(from, to);
          return;
        }
        if (now.kind === 'rate') await writeSlowly(to, chunk, now.bytesPerSecond);
        else await write(to, chunk);
      }
      to.end();
    } catch {
      to.destroy();
    }
  };

  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const close = async () => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };

  const port = await listen(0);
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    connections: () => accepted,
    set: async (next) => {
      const wasRefusing = mode.kind === 'refuse';
      mode = next;
      resetsLeft = next.kind === 'reset' ? (next.times ?? Number.POSITIVE_INFINITY) : 0;
      if (next.kind === 'refuse' && !wasRefusing) await close();
      if (next.kind !== 'refuse' && wasRefusing) await listen(port);
    },
    stop: async () => {
      if (mode.kind !== 'refuse') await close();
    },
  };
}

/** A moment later, so that what was written before arrives. */
async function resetBoth(one: Socket, other: Socket): Promise<void> {
  await pause(20);
  one.resetAndDestroy();
  other.resetAndDestroy();
}

/** Once for a connection, which then ends; the rest of the request is read and thrown away, or the answer might not arrive. */
async function answer(client: Socket, status: number): Promise<void> {
  if (!client.writable) return;
  const head = `HTTP/1.1 ${status} On demand\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`;
  await new Promise<void>((resolve) => client.end(head, () => resolve()));
}

/** Waits until the bytes are handed on, so that a slow reader slows the writer; an error ends the wait as well. */
function write(to: Socket, chunk: Buffer): Promise<void> {
  if (to.destroyed || chunk.length === 0) return Promise.resolve();
  return new Promise((resolve) => to.write(chunk, () => resolve()));
}

async function writeSlowly(to: Socket, chunk: Buffer, bytesPerSecond: number): Promise<void> {
  const step = Math.max(1, Math.floor(bytesPerSecond / 20));
  for (let at = 0; at < chunk.length && !to.destroyed; at += step) {
    await write(to, chunk.subarray(at, at + step));
    await pause(50);
  }
}
