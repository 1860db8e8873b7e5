import { isStationError } from '../../errors.ts';
import { checkSmall, readVersioned, versionOf } from '../conditional-object.ts';
import { bodyFromBytes } from '../object-body.ts';
import type { ConditionalObject } from '../object-store.ts';
import { download } from './download.ts';
import { isMissingObject } from './errors.ts';
import { putOperation } from './put.ts';
import type { GcsSession } from './session.ts';
import { putInOne } from './upload.ts';

/**
 * Compare-and-swap by generation, a number that Google gives each state of an object and never gives again. Google takes
 * about one change a second of one object; what is refused for that is tried again a little later.
 */
export function gcsConditional(session: GcsSession, key: string): ConditionalObject {
  const { url } = putOperation(session, key);
  return {
    read: async (signal) => {
      try {
        return await readVersioned(url, (seen) => download(session, key, undefined, signal, seen));
      } catch (error) {
        // A bucket that is missing is no answer to what was asked.
        if (isStationError(error, 'STORAGE_NOT_FOUND') && isMissingObject(error.cause)) return undefined;
        throw error;
      }
    },
    write: async (bytes, expected, signal) => {
      checkSmall(url, bytes);
      const options = { createOnly: false, ...(signal === undefined ? {} : { signal }) };
      const condition = { ifGenerationMatch: expected ?? '0' };
      return versionOf(url, await putInOne(session, key, bodyFromBytes(bytes), options, condition));
    },
  };
}
