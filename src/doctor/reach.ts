import { lookup } from 'node:dns/promises';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { StationError } from '../errors.ts';
import type { StoreAddress } from './store-address.ts';

type Server = Extract<StoreAddress, { readonly kind: 'server' }>;

/** The addresses behind a host's name. @throws StationError STORAGE_UNREACHABLE */
export async function resolveHost({ host }: Server): Promise<string> {
  if (isIP(host) > 0) return `${host} is an address`;
  try {
    const found = await lookup(host, { all: true });
    return `${host} is ${found.map(({ address }) => address).join(', ')}`;
  } catch (cause) {
    const code = codeOf(cause);
    throw new StationError('STORAGE_UNREACHABLE', `${code}: ${host} has no address`, {
      cause,
      hint:
        code === 'ENOTFOUND'
          ? 'no server has this name: check the endpoint, the region and the bucket or account'
          : 'the name server does not answer: check the container’s DNS (/etc/resolv.conf) and its network',
    });
  }
}

/** Opens a connection and closes it: TCP, and TLS where it is spoken. @throws StationError STORAGE_UNREACHABLE */
export async function reachServer(server: Server, signal: AbortSignal): Promise<string> {
  const { host, port, tls, anyCertificate } = server;
  const socket: Socket | TLSSocket = tls
    ? connectTls({ host, port, rejectUnauthorized: !anyCertificate, ...(isIP(host) > 0 ? {} : { servername: host }) })
    : connect({ host, port });
  const giveUp = () => socket.destroy();
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    await new Promise((resolve, reject) => {
      socket.once(tls ? 'secureConnect' : 'connect', resolve).once('error', reject);
    });
    const how = 'getProtocol' in socket ? `, ${socket.getProtocol() ?? 'TLS'}` : ', no TLS';
    return `${host}:${port}${how}`;
  } catch (cause) {
    const code = codeOf(cause);
    throw new StationError('STORAGE_UNREACHABLE', `${code}: no connection to ${host}:${port}`, {
      cause,
      hint: hintOf(code),
    });
  } finally {
    signal.removeEventListener('abort', giveUp);
    socket.destroy();
  }
}

function hintOf(code: string): string {
  if (/CERT|SIGNATURE/.test(code)) {
    return 'the server’s certificate is not trusted: name its authority in NODE_EXTRA_CA_CERTS, or correct the host';
  }
  if (/SSL|EPROTO|ECONNRESET/.test(code))
    return 'what listens there speaks no TLS: check the port and http:// or https://';
  if (code === 'ECONNREFUSED')
    return 'nothing listens there: check the endpoint’s host and port, and that the server runs';
  return 'the network does not lead there: check firewall, security group, route and proxy';
}

/** Connecting to several addresses at once fails with an error that holds one for each. */
function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return error instanceof Error && 'code' in error ? String(error.code) : 'Error';
}
