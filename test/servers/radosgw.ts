import { spawn } from 'node:child_process';
import { access, constants, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Radosgw {
  readonly url: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  stop(): Promise<void>;
}

const PROGRAMS = ['ceph-mon', 'ceph-osd', 'radosgw', 'radosgw-admin', 'ceph', 'monmaptool'];
const INSTALL = 'apt-get install --no-install-recommends ceph-mon ceph-osd radosgw ceph-common';

/** Undefined where a real S3 server can be started here, else why not and what would change that. */
export async function radosgwMissing(): Promise<string | undefined> {
  const missing: string[] = [];
  for (const program of PROGRAMS) if (!(await isOnPath(program))) missing.push(program);
  return missing.length === 0 ? undefined : `${missing.join(', ')} not installed (${INSTALL})`;
}

async function isOnPath(program: string): Promise<boolean> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (
      await access(join(folder, program), constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return true;
  }
  return false;
}

/** A real, strict S3 server of one's own. It ends with this process, however that ends. */
export async function startRadosgw(): Promise<Radosgw> {
  const folder = await mkdtemp(join(tmpdir(), 'radosgw-'));
  const script = fileURLToPath(new URL('radosgw-up.sh', import.meta.url));
  const [monitorPort, s3Port] = [await freePort(), await freePort()];
  const child = spawn(script, [folder, String(monitorPort), String(s3Port)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const stop = async () => {
    child.stdin.end();
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /^ready (.*)$/.exec(line)?.[1];
    if (url !== undefined) return { url, accessKeyId: 'test', secretAccessKey: 'testsecret', stop };
  }
  await stop();
  throw new Error('radosgw did not start; its log is above');
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
