import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { findVfs } from '../../peers/litestream-vfs.ts';
import { makeCertificate } from '../../servers/certificate.ts';

const run = promisify(execFile);
const script = join(import.meta.dirname, 'vfs-process.ts');
const account = 'station.blob.core.windows.net';

/** Why no network and no view of the files of one's own can be had; undefined where they can. */
async function namespacesMissing(): Promise<string | undefined> {
  const reason = await run('unshare', ['-m', '-n', 'ip', 'link', 'set', 'lo', 'up']).then(
    () => undefined,
    (error: unknown) => `no network namespace can be had here: ${error}`,
  );
  if (reason !== undefined && process.env['CI']) throw new Error(reason);
  return reason;
}

it('stock Litestream’s VFS restores what we wrote to Azure, by Azure’s own name', { timeout: 90_000 }, async ({
  skip,
}) => {
  const missing = (await namespacesMissing()) ?? (findVfs().kind === 'missing' ? 'no Litestream VFS here' : undefined);
  skip(missing !== undefined, missing);
  await using certificate = await makeCertificate(`DNS:${account}`, 'IP:127.0.0.1');
  const hosts = join(dirname(certificate.key), 'hosts');
  await writeFile(hosts, `127.0.0.1 localhost ${account}\n`);
  const inside = 'ip link set lo up && mount --bind "$1" /etc/hosts && shift && exec "$@"';
  const words = [process.execPath, script, certificate.certificate, certificate.key];
  const { stdout } = await run('unshare', ['-m', '-n', 'sh', '-c', inside, 'sh', hosts, ...words], { timeout: 80_000 });
  expect(stdout).toMatch(/^same \d+ bytes$/m);
});
