/** Adds tokens to an object of a folder by compare-and-swap, each told before it is tried and once it is known what came of it. */
import { writeSync } from 'node:fs';
import { isStationError } from '../../../src/errors.ts';
import { openStore } from '../../../src/storage/open-store.ts';

const [, , path = '', name = '', count = ''] = process.argv;
const object = (await openStore({ type: 'file', path })).conditional('lock.json');
const say = (word: string, token: string) => writeSync(1, `${word} ${token}\n`);

for (let tried = 0, added = 0; count === '' || added < Number(count); tried += 1) {
  const token = `${name}.${tried}`;
  const found = await object.read();
  const tokens = found === undefined ? [] : [Buffer.from(found.bytes).toString()];
  say('try', token);
  try {
    await object.write(Buffer.from([...tokens, token].join(' ')), found?.version);
    added += 1;
    say('added', token);
  } catch (error) {
    if (isStationError(error, 'STORAGE_ALREADY_EXISTS')) say('lost', token);
    else if (isStationError(error, 'STORAGE_UNREACHABLE')) say('doubt', token);
    else throw error;
  }
}
