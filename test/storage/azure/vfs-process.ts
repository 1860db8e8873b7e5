/**
 * Runs where `station.blob.core.windows.net` is this machine, because the VFS reaches an account by that name alone:
 * Azure's emulator, lives of our program on it, and the VFS to judge what they wrote. The first argument is a folder
 * with certificate.pem and key.pem for that name. Ends with 0 when stock code restores the same bytes as ours.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkout, Site } from '../../e2e/life.ts';
import { hydrate } from '../../peers/litestream-vfs.ts';
import { startAzurite } from '../../servers/azurite.ts';
import { azureService } from './backend.ts';

const [certificate = '', key = ''] = process.argv.slice(2);
const server = await startAzurite(['--cert', certificate, '--key', key], 443);
// So that the emulator ends with us.
process.once('SIGTERM', () => process.exit(1));
try {
  await azureService(server, readFileSync(certificate, 'utf8')).createContainer('backups');
  await judge();
} finally {
  await server.stop();
}

async function judge(): Promise<void> {
  const url = `abs://${server.accountName}@backups/db/one`;
  await using site = new Site([{ url, 'account-key': server.accountKey, 'sync-interval': '1s' }]);
  const environment = { NODE_EXTRA_CA_CERTS: certificate };
  const [stock, ours] = [join(site.folder, 'stock.db'), join(site.folder, 'ours.db')];
  for (const steps of [['add=50'], ['add=20']]) {
    const life = await site.run(steps, { environment });
    if (life.code !== 0) throw new Error(life.log());
    site.wipe();
  }
  const words = ['restore', '--config', site.config, '-o', ours, site.database];
  const restore = site.launch(join(checkout, 'entrypoint'), words, environment);
  if ((await restore.ended).code !== 0) throw new Error(restore.log());
  const peerEnvironment = { SSL_CERT_FILE: certificate, LITESTREAM_AZURE_ACCOUNT_KEY: server.accountKey };
  await hydrate({ url, environment: peerEnvironment }, stock);
  if (!readFileSync(stock).equals(readFileSync(ours))) throw new Error('the VFS restores other bytes than we do');
  console.log(`same ${readFileSync(ours).length} bytes`);
}
