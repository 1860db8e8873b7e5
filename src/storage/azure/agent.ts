import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Socket } from 'node:net';
import type { AzureStoreSettings } from './settings.ts';

/**
 * Connections that are given up when they take too long to open, or when nothing passes for too long. The SDK's own
 * time limit is one for a whole request, which a large download on a slow line would meet too.
 *
 * With an agent of ours the SDK leaves HTTP_PROXY, HTTPS_PROXY and NO_PROXY alone, so the agent takes them.
 */
export function limitedAgent(url: string, settings: AzureStoreSettings): HttpAgent {
  const secure = new URL(url).protocol === 'https:';
  const options = { keepAlive: true, timeout: settings.idleTimeout, proxyEnv: process.env };
  const agent = new (secure ? HttpsAgent : HttpAgent)(options);
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (target, callback) => {
    const connection = connect(target, (error, opened) => {
      // Behind a proxy the connection is handed over here, when it is open.
      if (opened instanceof Socket && opened !== connection) limitIdle(opened, settings);
      callback?.(error, opened);
    });
    if (connection instanceof Socket) limit(connection, secure ? 'secureConnect' : 'connect', settings);
    return connection;
  };
  return agent;
}

function limit(socket: Socket, opened: string, settings: AzureStoreSettings): void {
  const tooLong = () => giveUp(socket, settings.connectTimeout);
  socket.setTimeout(settings.connectTimeout).once('timeout', tooLong);
  socket.once(opened, () => {
    socket.off('timeout', tooLong);
    limitIdle(socket, settings);
  });
}

function limitIdle(socket: Socket, { idleTimeout }: AzureStoreSettings): void {
  socket.setTimeout(idleTimeout).once('timeout', () => giveUp(socket, idleTimeout));
}

function giveUp(socket: Socket, waited: number): void {
  socket.destroy(Object.assign(new Error(`nothing came for ${waited} ms`), { code: 'ETIMEDOUT' }));
}
