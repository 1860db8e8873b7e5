import { bytes } from '../../quantities.ts';
import { isLegacyKey } from '../key-layout.ts';
import type { ObjectInfo, ObjectStore } from '../object-store.ts';
import type { AgeKeys } from '../store-options.ts';
import { encryptedBody } from './encrypted-body.ts';
import { EncryptedReader } from './encrypted-read.ts';
import { decryptForeign } from './foreign.ts';
import { contentSize } from './format.ts';
import { openAgeCipher } from './header.ts';

/**
 * A store whose objects are encrypted before they leave this process, each an age file with a key of its own. Sizes and
 * ranges are those of the content, so nobody above has to know. Names, sizes and times stay readable to the store.
 *
 * Beside the port's own errors, reading throws LTX_TRUNCATED, LTX_CHECKSUM or LTX_INVALID for an LTX object that is
 * damaged under its encryption: damage, of which a restore knows what to do. A key that does not fit is STORAGE_DENIED.
 * @throws StationError CONFIG_VALUE where the keys cannot be used together
 */
export async function encryptStore(store: ObjectStore, keys: AgeKeys): Promise<ObjectStore> {
  const cipher = await openAgeCipher(keys);
  const reader = new EncryptedReader(store, cipher);
  return {
    url: store.url,
    layout: store.layout,
    put: async (key, body, options) => {
      options.signal?.throwIfAborted();
      reader.forget(key);
      await store.put(key, encryptedBody(body, await cipher.seal()), options);
    },
    get: (key, options = {}) => (isLegacyKey(key) ? store.get(key, options) : reader.read(key, options)),
    list: (prefix, options) => listContentSizes(store, prefix, options),
    decryptLegacy: (sealed, name) => decryptForeign(cipher, sealed, name),
    delete: async (keys, signal) => {
      for (const key of keys) reader.forget(key);
      await store.delete(keys, signal);
    },
    // A lease holds no data, and stock Litestream must be able to read it.
    conditional: (key) => store.conditional(key),
    close: () => store.close(),
  };
}

/** What cannot be a file of ours keeps its size: it is to be looked at, and refused by name, not skipped as too small. */
async function* listContentSizes(
  store: ObjectStore,
  ...[prefix, options]: Parameters<ObjectStore['list']>
): AsyncGenerator<ObjectInfo> {
  for await (const object of store.list(prefix, options)) {
    if (isLegacyKey(object.key)) yield object;
    else yield { ...object, size: bytes(contentSize(object.size) ?? object.size) };
  }
}
