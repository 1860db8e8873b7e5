/** What Litestream 0.5 left, with its levels and snapshots, on any machine: restored and continued. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { checkout, Site } from '../e2e/life.ts';
import { copyFixture, type FixtureName } from '../fixtures/litestream-backups.ts';

const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

it.each<readonly [string, FixtureName]>([
  ['0.5.5, in frames', 'litestream-0.5-frames'],
  ['0.5.17, in blocks', 'litestream-0.5'],
])(
  'a replica compacted by %s, is restored bit for bit as by itself, also without its level 0, and continued',
  async (_, name) => {
    await using site = new Site();
    const folder = site.replicaFolder('file');
    mkdirSync(folder, { recursive: true });
    const { newest } = copyFixture(name, folder);
    expect(readdirSync(join(folder, 'ltx')).sort()).toEqual(['0', '1', '2', '9']);
    const before = site.filesOf('file');
    const restore = async (copy: string) => {
      const path = join(site.folder, copy);
      const life = site.launch(join(checkout, 'entrypoint'), ['restore', '-o', path, `file://${folder}`]);
      expect((await life.ended).code, life.log()).toBe(0);
      return path;
    };
    expect(sha256(await restore('newest.db'))).toBe(newest);
    const life = await site.run(['add=2']);
    expect(life.code, life.log()).toBe(0);
    expect(life.log()).toMatch(/restoring from file: TXID \d+/);
    expect(site.newestTxid('file') > basename(before.at(-1) ?? '').slice(17, 33)).toBe(true);
    const continued = await restore('continued.db');
    const hash = sha256(continued);
    expect(await site.rowsIn(continued)).toEqual(life.acknowledged());
    // Levels 1, 2 and 9 alone lead to where level 0 goes on, which retention may have found already.
    const merged =
      readdirSync(join(folder, 'ltx', '1'))
        .sort()
        .at(-1)
        ?.slice(17, 33) ?? '';
    for (const file of site.filesOf('file')) if (basename(file).slice(17, 33) <= merged) rmSync(file);
    expect(sha256(await restore('by-levels.db'))).toBe(hash);
  },
);
