import { Agent as HttpAgent, type IncomingMessage, request as requestByHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestByHttps } from 'node:https';
import type { GcsStoreSettings } from './settings.ts';

/** One HTTP request, as it goes out. */
export interface GcsExchange {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: readonly Uint8Array[];
  readonly signal: AbortSignal | undefined;
}

export interface GcsConnections {
  /**
   * Resolves with the answer, whatever its status, as soon as its head is there.
   * Rejects with Node's error where none came: refused, reset, silent for too long, aborted.
   */
  exchange(exchange: GcsExchange): Promise<IncomingMessage>;
  close(): void;
}

/** Connections kept for the next request, which go through a proxy where HTTPS_PROXY or HTTP_PROXY names one. */
export function openGcsConnections(settings: GcsStoreSettings): GcsConnections {
  const agents = {
    http: new HttpAgent({ keepAlive: true, proxyEnv: process.env }),
    https: new HttpsAgent({ keepAlive: true, proxyEnv: process.env }),
  };
  return {
    exchange: (exchange) => send(exchange, agents, settings),
    close: () => {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

function send(
  { method, url, headers, body, signal }: GcsExchange,
  agents: { readonly http: HttpAgent; readonly https: HttpsAgent },
  settings: GcsStoreSettings,
): Promise<IncomingMessage> {
  const length = body.reduce((sum, part) => sum + part.byteLength, 0);
  const options = {
    method,
    headers: { ...headers, ...(method === 'GET' ? {} : { 'content-length': length }) },
    timeout: settings.idleTimeout,
    ...(signal === undefined ? {} : { signal }),
  };
  return new Promise((resolve, reject) => {
    const request =
      url.protocol === 'https:'
        ? requestByHttps(url, { ...options, agent: agents.https })
        : requestByHttp(url, { ...options, agent: agents.http });
    request.once('response', resolve).on('error', reject);
    request.once('timeout', () => request.destroy(silence(`nothing came for ${settings.idleTimeout} ms`)));
    // From the start, not from the socket on: a proxy that hangs gives none.
    const limit = setTimeout(
      () => request.destroy(silence(`no connection within ${settings.connectTimeout} ms`)),
      settings.connectTimeout,
    );
    const connected = () => clearTimeout(limit);
    request.once('close', connected).once('socket', (socket) => {
      if (socket.connecting) socket.once('connect', connected);
      else connected();
    });
    for (const part of body) request.write(part);
    request.end();
  });
}

function silence(text: string): Error {
  return Object.assign(new Error(text), { code: 'ETIMEDOUT' });
}
