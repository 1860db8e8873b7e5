import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { formatFileName } from '../../src/ltx/file-name.ts';
import { txid } from '../../src/quantities.ts';
import { Container, type Life } from './support/container.ts';
import { firstMissing } from './support/rows.ts';

let container: Container;
beforeEach(() => {
  container = new Container({ replicas: ['{ type: file, path: FOLDER/replica, sync-interval: 1s }'] });
});
afterEach(() => container.remove());

const level0 = () => join(container.folder, 'replica/ltx/0');
const writes = (life: string) => () => container.acknowledged().some((row) => row.life === life);

async function stop(life: Life): Promise<number | null> {
  life.supervisor.kill('SIGTERM');
  return (await life.ended).code;
}

test('a second supervisor of one database waits for the first to end, as in a rolling deploy, and then goes on', async () => {
  const first = container.start({ life: 'first' });
  await container.waitFor('a row of the first', writes('first'), first);
  const second = container.start({ life: 'second' });
  await container.waitFor('the second to wait', () => second.log().includes('another supervisor holds'), second);
  expect(writes('second')()).toBe(false);
  expect(await stop(first), first.log()).toBe(0);
  await container.waitFor('a row of the second', writes('second'), second);
  expect(await stop(second), second.log()).toBe(0);
  const { rows } = await container.restored({ type: 'file', path: join(container.folder, 'replica') });
  expect(firstMissing(rows, container.acknowledged())).toBeUndefined();
});

test('a second supervisor takes over from one that was killed', async () => {
  const first = container.start({ life: 'first' });
  await container.waitFor('a row of the first', writes('first'), first);
  const second = container.start({ life: 'second' });
  await container.waitFor('the second to wait', () => second.log().includes('another supervisor holds'), second);
  const orphan = first.applicationPid();
  first.supervisor.kill('SIGKILL');
  if (orphan !== undefined) process.kill(orphan, 'SIGKILL');
  await container.waitFor('a row of the second', writes('second'), second);
  expect(await stop(second), second.log()).toBe(0);
  const { rows } = await container.restored({ type: 'file', path: join(container.folder, 'replica') });
  expect(firstMissing(rows, container.acknowledged())).toBeUndefined();
});

test('a replica that another machine writes to stops this one with 76, and its files stay as they are', async () => {
  const life = container.start({});
  await container.waitFor('the first file', () => readable(level0()).length > 0, life);
  const foreign = 'a file of another machine';
  const next = readable(level0()).length + 2;
  for (let number = next; number < next + 3; number += 1) {
    writeFileSync(join(level0(), formatFileName(txid(number), txid(number))), foreign);
  }
  expect((await life.ended).code, life.log()).toBe(76);
  expect(readFileSync(join(level0(), formatFileName(txid(next), txid(next))), 'utf8')).toBe(foreign);
});

function readable(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.ltx'));
  } catch {
    return [];
  }
}
