import { databaseKeys } from './database-keys.ts';
import type { KeyPlace, KeyRule } from './key-rule.ts';
import { replicaKeys } from './replica-keys.ts';
import { storeKeys } from './store-keys.ts';
import { topKeys } from './top-keys.ts';

/** Every key of Litestream 0.3.13 and 0.5.17, and our own. `docs/configuration.md` lists them; a test holds them together. */
export const keyTable: readonly KeyRule[] = [...topKeys, ...databaseKeys, ...replicaKeys, ...storeKeys];

/** The rules a key has in a place: two for `retention` at the top, which 0.3 and 0.5 mean differently. */
export function rulesFor(name: string, place: KeyPlace): readonly KeyRule[] {
  return keyTable.filter((rule) => rule.name === name && rule.places.includes(place));
}

/** Names allowed in a place, inside a group those of the group, without its prefix. */
export function namesIn(place: KeyPlace, prefix: string): readonly string[] {
  return keyTable
    .filter((rule) => rule.places.includes(place) && rule.name.startsWith(prefix))
    .map((rule) => rule.name.slice(prefix.length))
    .filter((name) => !name.includes('.'));
}
