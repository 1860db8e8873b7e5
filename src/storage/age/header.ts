import { randomBytes } from 'node:crypto';
import { Decrypter, Encrypter, identityToRecipient, Stanza } from 'age-encryption';
import { StationError } from '../../errors.ts';
import type { AgeKeys } from '../store-options.ts';
import { HEADER_SIZE, headerEnd, NONCE_SIZE, PROLOGUE_SIZE } from './format.ts';
import { payloadKey } from './payload.ts';

/** What is drawn anew for each file: its first 4 KiB, and the key of its chunks. */
export interface SealedFile {
  readonly prologue: Uint8Array;
  readonly key: Uint8Array;
}

/** The two sides of a replica's keys. */
export interface AgeCipher {
  /** A new file, readable by every recipient. */
  seal(): Promise<SealedFile>;
  /**
   * The key of the chunks behind a prologue of ours.
   * @returns undefined where none of the identities fits
   * @throws Error of the library where the header is damaged
   */
  unseal(prologue: Uint8Array): Promise<Uint8Array | undefined>;
  /** The same for the header and the nonce of an age file of any program. */
  unsealHeader(header: Uint8Array, nonce: Uint8Array): Promise<Uint8Array | undefined>;
}

class NoneFits extends Error {}

/**
 * Readies a replica's keys. Without recipients, what is written is for the identities themselves.
 * @throws StationError CONFIG_VALUE, naming the place of the keys, where they cannot be used together
 */
export async function openAgeCipher(keys: AgeKeys): Promise<AgeCipher> {
  const own = await Promise.all(keys.identities.map((identity) => identityToRecipient(identity)));
  const recipients = keys.recipients.length > 0 ? keys.recipients : own;
  if (!recipients.some((recipient) => own.includes(recipient))) {
    throw new StationError('CONFIG_VALUE', `${keys.where}: no key of "age.identities" fits one of "age.recipients"`, {
      hint: 'add the recipient of one of the identities (age-keygen -y): what is written here must be readable here',
    });
  }
  const padding = await paddingFor(recipients, keys.where);
  const decrypter = new Decrypter();
  for (const identity of keys.identities) decrypter.addIdentity(identity);
  // Asked last, when none of the others fitted: told apart from a damaged header without reading messages.
  decrypter.addIdentity({
    unwrapFileKey: () => {
      throw new NoneFits();
    },
  });
  const unsealHeader = async (header: Uint8Array, nonce: Uint8Array) => {
    try {
      return payloadKey(await decrypter.decryptHeader(header.slice()), nonce);
    } catch (error) {
      if (error instanceof NoneFits) return undefined;
      throw error;
    }
  };
  return {
    seal: () => sealFile(recipients, padding),
    unseal: (prologue) =>
      unsealHeader(prologue.subarray(0, HEADER_SIZE), prologue.subarray(HEADER_SIZE, PROLOGUE_SIZE)),
    unsealHeader,
  };
}

/** The library makes the header, here around no content; a stanza of our own is told the file key for the chunks. */
async function sealFile(recipients: readonly string[], padding: Stanza | undefined): Promise<SealedFile> {
  let fileKey = new Uint8Array();
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  encrypter.addRecipient({
    wrapFileKey: (key) => {
      fileKey = Uint8Array.from(key);
      return padding === undefined ? [] : [padding];
    },
  });
  const empty = await encrypter.encrypt(new Uint8Array());
  const header = empty.subarray(0, headerEnd(empty));
  const nonce = randomBytes(NONCE_SIZE);
  return { prologue: Buffer.concat([header, nonce]), key: payloadKey(fileKey, nonce) };
}

/**
 * The stanza that fills the header up: of a type that ends in `-grease`, which the format reserves for what readers are
 * to skip. A recipient's own stanza always has the same length.
 */
async function paddingFor(recipients: readonly string[], where: string): Promise<Stanza> {
  const bare = (await sealFile(recipients, undefined)).prologue.byteLength;
  const line = 'station-padding-grease';
  const room = PROLOGUE_SIZE - bare - `-> ${line} \n\n`.length;
  if (room >= 1) return new Stanza([line, 'A'.repeat(room)], new Uint8Array());
  throw new StationError('CONFIG_VALUE', `${where}: "age.recipients" are too many: their stanzas take ${bare} bytes`, {
    hint: `at most ${PROLOGUE_SIZE} fit: some 40 recipients, or two of the post-quantum kind (age1pq1…)`,
  });
}
