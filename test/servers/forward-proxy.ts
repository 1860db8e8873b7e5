import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** An HTTP proxy that hands on, or takes and never answers; it ends with the test. `asked` holds what it was asked for. */
export async function startForwardProxy(mode: 'pass' | 'hang') {
  const asked: string[] = [];
  const proxy = createServer((from, to) => {
    const { method, headers, url = '' } = from;
    asked.push(url);
    if (mode === 'hang') return;
    const onward = request(url, { method, headers }, (answer) => {
      answer.pipe(to.writeHead(answer.statusCode ?? 502, answer.headers));
    });
    from.pipe(onward);
  });
  const tunnels = new Set<Socket>();
  proxy.on('connect', ({ url = '' }: { readonly url?: string }, client: Socket) => {
    asked.push(url);
    tunnels.add(client.on('error', () => {}));
    if (mode === 'hang') return;
    const [host = '', port] = url.split(':');
    const target = connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      target.pipe(client).pipe(target);
    }).on('error', () => client.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => {
    for (const client of tunnels) client.destroy();
    proxy.closeAllConnections();
    proxy.close();
  });
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, asked };
}
