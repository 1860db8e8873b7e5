import { type ErrorCode, StationError } from '../../errors.ts';
import { HEADER_SIZE, headerEnd, PROLOGUE_SIZE, startsAgeFile } from './format.ts';

/**
 * Why the beginning of an object is not that of a file of ours. What lacks the key, or was never encrypted, is a refusal,
 * never damage: damaged files are left out of a restore, and a wrong key must not make a replica look empty (rule 1).
 * @returns undefined where it is
 */
export function prologueError(name: string, start: Uint8Array): StationError | undefined {
  if (!startsAgeFile(start)) {
    if (start.byteLength === 0) return damaged(name, 'LTX_TRUNCATED', 'is empty');
    const isLtx = Buffer.from(start.subarray(0, 4)).toString('latin1') === 'LTX1';
    if (!isLtx && name.endsWith('.ltx')) return damaged(name, 'LTX_INVALID', 'begins as neither age nor LTX files do');
    return new StationError('STORAGE_DENIED', `${name} is not encrypted, and this replica has "age" keys`, {
      hint: 'give the encrypted replica a path of its own, or remove "age" from this one',
    });
  }
  const end = headerEnd(start);
  if (end === HEADER_SIZE && start.byteLength >= PROLOGUE_SIZE) return undefined;
  if (start.byteLength < PROLOGUE_SIZE && (end === undefined || end === HEADER_SIZE)) {
    return damaged(name, 'LTX_TRUNCATED', `ends within its age header, after ${start.byteLength} bytes`);
  }
  return new StationError('STORAGE_DENIED', `${name} is an age file that another program wrote`, {
    hint: 'only what this program encrypted can be read; give this replica a path of its own',
  });
}

export function noIdentityFits(name: string): StationError {
  return new StationError('STORAGE_DENIED', `${name} is encrypted for other keys: no key of "age.identities" fits`, {
    hint: 'add the identity of one of the recipients it was encrypted for, also a former one, to "age.identities"',
  });
}

/** For a replica without keys that meets an encrypted object. */
export function keysMissing(name: string): StationError {
  return new StationError('STORAGE_DENIED', `${name} is encrypted with age, and this replica has no "age" keys`, {
    hint: 'add "age" with "identities" to the replica in the config, and name the database by its path',
  });
}

/** Damage of an LTX file, so that a restore goes on without it; of anything else, an answer that makes no sense. */
export function damaged(name: string, code: ErrorCode, what: string, cause?: unknown): StationError {
  return new StationError(name.endsWith('.ltx') ? code : 'STORAGE_BROKEN', `${name} ${what}`, { cause });
}
