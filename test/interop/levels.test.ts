/** Stock Litestream 0.5.17 restores what we merged and cleared, and we go on from what it merged and cleared. */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeAll, describe, expect, it } from 'vitest';
import { formatFileName, formatTxid } from '../../src/ltx/file-name.ts';
import { txid } from '../../src/quantities.ts';
import { folderPeer, getLitestream, type Peer, stockReplicate, stockRestore } from '../peers/litestream.ts';
import { HurriedSite } from '../replication/support/hurried-site.ts';
import { expectSameBytes } from './agreement.ts';

let peer: Peer;
beforeAll(async () => {
  peer = await getLitestream();
}, 180_000);
const missing = () => (peer.kind === 'missing' ? peer.reason : undefined);

/** What an application does that makes a database grow, shrink, and grow again. */
const script = (count: number): string => {
  if (count % 40 === 39) return 'DELETE FROM t WHERE id % 3 = 0';
  if (count % 100 === 99) return 'VACUUM';
  return `INSERT INTO t (body) VALUES (randomblob(${(count * 977) % 9000}))`;
};

async function stockCopy(site: HurriedSite, replica: string, flags: readonly string[] = []): Promise<Buffer> {
  const output = join(site.folder, 'stock.db');
  rmSync(output, { force: true });
  await stockRestore(folderPeer(site.replicaFolder(replica)), output, flags);
  return readFileSync(output);
}

describe('stock Litestream', () => {
  it('restores what was merged and cleared: while it is, at the end, by TXID and by time', async ({ skip }) => {
    skip(missing() !== undefined, missing());
    await using site = new HurriedSite();
    await site.start({ retention: 1_500, snapshotInterval: 1_000 });
    let looks = 0;
    const seen = new Set<number>();
    await site.writeUntil(
      'snapshots that have gone',
      () => {
        for (const { maxTxid } of site.rangesAt('one', 9)) seen.add(maxTxid);
        return seen.size >= 4 && site.rangesAt('one', 9).length <= 2;
      },
      script,
    );
    for (; looks < 2; looks += 1) {
      const before = site.rangesAt('one', 1).at(-1);
      await site.writeUntil('another merge', () => site.rangesAt('one', 1).at(-1)?.maxTxid !== before?.maxTxid, script);
      const copy = await stockCopy(site, 'one');
      writeFileSync(join(site.folder, 'checked.db'), copy);
      const database = new Database(join(site.folder, 'checked.db'));
      expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
      database.close();
    }
    const image = await site.end();
    expectSameBytes(await stockCopy(site, 'one'), image, 'the newest');
    const oldest = site.rangesAt('one', 9)[0]?.maxTxid ?? 0;
    const points = [0, 1, 2].flatMap((level) =>
      site
        .rangesAt('one', level)
        .flatMap(({ minTxid, maxTxid }) => (maxTxid > oldest ? [{ level, minTxid, maxTxid }] : [])),
    );
    for (const { level, minTxid, maxTxid } of [points[0], points.at(-1), points[points.length >> 1]].flatMap(
      (one) => one ?? [],
    )) {
      const ours = await site.restored('one', { kind: 'txid', txid: txid(maxTxid) });
      expectSameBytes(await stockCopy(site, 'one', ['-txid', formatTxid(txid(maxTxid))]), ours, `TXID ${maxTxid}`);
      const file = join(site.replicaFolder('one'), 'ltx', String(level), formatFileName(txid(minTxid), txid(maxTxid)));
      // Litestream's own rule is "before", to the millisecond; ours is "at or before".
      const time = statSync(file).mtimeMs;
      const moment = new Date(Math.floor(time) + 1).toISOString();
      const oursThen = await site.restored('one', { kind: 'timestamp', timestamp: Math.floor(time) as never });
      expectSameBytes(await stockCopy(site, 'one', ['-timestamp', moment]), oursThen, `time ${moment}`);
    }
  });

  it('leaves a replica that it merged and cleared itself, and we go on with it', async ({ skip }) => {
    skip(missing() !== undefined, missing());
    await using site = new HurriedSite();
    const config = join(site.folder, 'stock.yml');
    const levels = 'levels: [{interval: 1s}, {interval: 3s}]';
    const replica = `{type: file, path: ${site.replicaFolder('one')}, sync-interval: 100ms}`;
    const settings = `snapshot: {interval: 4s, retention: 8s}\nl0-retention: 1s\nl0-retention-check-interval: 1s`;
    writeFileSync(
      config,
      `${levels}\n${settings}\ndbs:\n  - path: ${site.path}\n    monitor-interval: 100ms\n    replica: ${replica}\n`,
    );
    const database = new Database(site.path);
    database.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB)');
    const stock = stockReplicate(config);
    try {
      const giveUp = Date.now() + 40_000;
      for (let count = 0; ; count += 1) {
        database.exec(script(count));
        await new Promise((resolve) => setTimeout(resolve, 30));
        const isMerged = site.rangesAt('one', 2).length >= 2 && site.rangesAt('one', 9).length >= 1;
        if (isMerged && (site.rangesAt('one', 0)[0]?.minTxid ?? 1) > 1) break;
        if (Date.now() > giveUp) throw new Error(`Litestream merged nothing:\n${stock.log()}`);
      }
    } finally {
      await stock.stop();
      database.close();
    }
    const theirs = site.rangesAt('one', 1).length;
    await site.start({ levels: [1_000, 3_000] });
    await site.writeUntil('merges of ours', () => site.rangesAt('one', 1).length >= theirs + 3, script);
    const image = await site.end();
    expectSameBytes(await site.restored('one'), image, 'ours');
    expectSameBytes(await stockCopy(site, 'one'), image, 'theirs');
  });
});
