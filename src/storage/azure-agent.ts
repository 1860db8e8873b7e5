import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Socket } from 'node:net';
import type { AzureStoreSettings } from './azure-settings.ts';

/**
 * Connections that are given up when they take too long to open, or when nothing passes for too long. The SDK's own
 * time limit is one for a whole request, which a large download on a slow line would meet too.
 *
 * A proxy named in HTTPS_PROXY is reached by the SDK's own agent, which knows no such limits.
 */
export function limitedAgent(url: string, settings: AzureStoreSettings): HttpAgent {
  const secure = new URL(url).protocol === 'https:';
  const agent = new (secure ? HttpsAgent : HttpAgent)({ keepAlive: true, timeout: settings.idleTimeout });
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) => {
    const connection = connect(options, callback);
    if (connection instanceof Socket) limit(connection, secure ? 'secureConnect' : 'connect', settings);
    return connection;
  };
  return agent;
}

function limit(socket: Socket, opened: string, { connectTimeout, idleTimeout }: AzureStoreSettings): void {
  let waiting = connectTimeout;
  socket.setTimeout(waiting);
  socket.once(opened, () => {
    waiting = idleTimeout;
    socket.setTimeout(waiting);
  });
  socket.on('timeout', () => {
    socket.destroy(Object.assign(new Error(`nothing came for ${waiting} ms`), { code: 'ETIMEDOUT' }));
  });
}
