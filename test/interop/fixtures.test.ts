/** What Litestream 0.5.17 left, with its levels and snapshots, on any machine: restored and continued. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkout, Site } from '../e2e/life.ts';
import { copyFixture } from '../fixtures/litestream-backups.ts';

const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

it('a compacted replica is restored bit for bit as by the program that wrote it, also without its level 0, and continued', async () => {
  await using site = new Site();
  const folder = site.replicaFolder('file');
  mkdirSync(folder, { recursive: true });
  const { newest } = copyFixture('litestream-0.5', folder);
  expect(readdirSync(join(folder, 'ltx')).sort()).toEqual(['0', '1', '2', '9']);
  const restore = async (name: string) => {
    const copy = join(site.folder, name);
    const life = site.launch(join(checkout, 'entrypoint'), ['restore', '-o', copy, `file://${folder}`]);
    expect((await life.ended).code, life.log()).toBe(0);
    return copy;
  };
  expect(sha256(await restore('newest.db'))).toBe(newest);
  const life = await site.run(['add=2']);
  expect(life.code, life.log()).toBe(0);
  expect(life.log()).toMatch(/restoring from file: TXID 20/);
  expect(site.newestTxid('file') > '0000000000000014').toBe(true);
  const continued = await restore('continued.db');
  const hash = sha256(continued);
  expect(await site.rowsIn(continued)).toEqual(life.acknowledged());
  // Levels 1, 2 and 9 alone lead to where level 0 goes on, which retention may have found already.
  for (const file of site.filesOf('file')) if (/00000000000000(?:0f|1[0-3])\.ltx$/.test(file)) rmSync(file);
  expect(sha256(await restore('by-levels.db'))).toBe(hash);
});
