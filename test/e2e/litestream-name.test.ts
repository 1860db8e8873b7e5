/** Called through a name `litestream`, it answers Litestream's own command lines. */
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkout, node, Site } from './life.ts';

function linked(site: Site): string {
  const link = join(site.folder, 'litestream');
  symlinkSync(join(checkout, 'entrypoint'), link);
  return link;
}

it('replicate -exec, restore -o, version', async () => {
  await using site = new Site();
  const litestream = linked(site);
  const app = `${node} ${join(import.meta.dirname, 'scripted-app.ts')} add=3 exit=1`;
  const life = site.launch(litestream, ['replicate', '-config', site.config, '-exec', app]);
  expect((await life.ended).code, life.log()).toBe(1);
  expect(life.acknowledged()).toEqual([1, 2, 3]);

  const copy = join(site.folder, 'copy.db');
  const restore = site.launch(litestream, ['restore', '-config', site.config, '-o', copy, site.database]);
  expect((await restore.ended).code, restore.log()).toBe(0);
  expect(await site.rowsIn(copy)).toEqual([1, 2, 3]);

  const version = site.launch(litestream, ['version']);
  expect((await version.ended).code).toBe(0);
  expect(version.output()).toMatch(/\d+\.\d+\.\d+/);
});

it('replicate without -exec follows a database that others write, until SIGTERM', async () => {
  await using site = new Site();
  site.makeDataFolder();
  const life = site.launch(linked(site), ['replicate', '-config', site.config]);
  const writer = site.launch(node, [join(import.meta.dirname, 'scripted-app.ts'), 'add=5']);
  expect((await writer.ended).code).toBe(0);
  await life.waitFor(/write snapshot/);
  expect((await life.stop()).code, life.log()).toBe(0);
  site.wipe();
  expect((await site.run(['list'])).seen()).toEqual([1, 2, 3, 4, 5]);
});

it('restore -if-db-not-exists and -if-replica-exists do nothing, successfully', async () => {
  await using site = new Site();
  const litestream = linked(site);
  const words = ['restore', '-config', site.config, '-if-replica-exists', site.database];
  expect((await site.launch(litestream, words).ended).code).toBe(0);
  await site.run(['add=1']);
  const again = ['restore', '-config', site.config, '-if-db-not-exists', site.database];
  expect((await site.launch(litestream, again).ended).code).toBe(0);
  expect((await site.launch(litestream, ['restore', '-config', site.config, site.database]).ended).code).not.toBe(0);
});
