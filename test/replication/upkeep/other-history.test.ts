import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { txid } from '../../../src/quantities.ts';
import { HurriedSite } from '../support/hurried-site.ts';

const MONTH = 30 * 24 * 3_600_000;

/** Commits whose files have all the same size, one TXID each. */
async function commitEach(writer: HurriedSite, newest: () => number, digit: number, last: number): Promise<void> {
  for (let before = newest(); before < last; before += 1) {
    writer.commit(`INSERT INTO t (body) VALUES (printf('%.*c', 2000, '${digit}'))`);
    while (newest() === before) await sleep(5);
  }
}

it('a replica that another instance has written to is merged from its own files, not from those of the same name here', async () => {
  await using site = new HurriedSite(['one', 'two']);
  await site.start();
  await site.writeUntil('a snapshot and a merge in both', () =>
    ['one', 'two'].every((replica) => site.rangesAt(replica, 1).length > 0 && site.rangesAt(replica, 9).length > 0),
  );
  await site.end();
  const newestIn = (replica: string) => site.rangesAt(replica, 0).at(-1)?.maxTxid ?? 0;
  const shared = newestIn('one');
  const last = shared + 15;

  // Another instance, which has the second replica alone; then this one, which has the first alone.
  await using other = new HurriedSite(['two'], { path: site.replicaFolder('two') });
  await other.start({ levels: [MONTH] });
  await commitEach(other, () => newestIn('two'), 1, last);
  const theirs = await other.end();
  await using alone = new HurriedSite(['one'], {}, site.folder);
  await alone.start({ levels: [MONTH] });
  await commitEach(alone, () => newestIn('one'), 2, last);
  const ours = await alone.end();

  await site.start();
  await site.writeUntil('the level-0 files of both merged, and gone', () =>
    ['one', 'two'].every((replica) =>
      site.rangesAt(replica, 0).every(({ maxTxid }) => maxTxid <= shared || maxTxid > last),
    ),
  );
  await site.end();
  // Where this history goes on without a break, a merged file may end later; the rows after it have no digits.
  const pointOf = (replica: string) => site.rangesAt(replica, 1).find(({ maxTxid }) => maxTxid >= last)?.maxTxid ?? 0;
  const digits = async (replica: string) =>
    digitsIn(await site.restored(replica, { kind: 'txid', txid: txid(pointOf(replica)) }));
  expect([digitsIn(ours), digitsIn(theirs)]).toEqual(['2'.repeat(15), '1'.repeat(15)]);
  expect([await digits('one'), await digits('two')]).toEqual(['2'.repeat(15), '1'.repeat(15)]);
});

/** The digits of the rows that an image of a database holds. */
function digitsIn(image: Buffer): string {
  return (image.toString('latin1').match(/1{2000}|2{2000}/g) ?? []).map((row) => row[0]).join('');
}
