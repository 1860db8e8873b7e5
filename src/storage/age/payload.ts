import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { TAG_SIZE } from './format.ts';

const algorithm = 'chacha20-poly1305';

/** The key of a file's chunks, from its file key (16 bytes) and its nonce (16 bytes). */
export function payloadKey(fileKey: Uint8Array, nonce: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', fileKey, nonce, 'payload', 32));
}

/** Encrypts one chunk, the `index`-th of its file. The `last` is marked, so that a file cut short is noticed. */
export function sealChunk(key: Uint8Array, index: number, last: boolean, content: Uint8Array): Buffer {
  const cipher = createCipheriv(algorithm, key, chunkNonce(index, last), { authTagLength: TAG_SIZE });
  return Buffer.concat([cipher.update(content), cipher.final(), cipher.getAuthTag()]);
}

/** Decrypts one chunk; undefined where it is not the chunk of that key and number, byte for byte. */
export function openChunk(key: Uint8Array, index: number, last: boolean, sealed: Uint8Array): Buffer | undefined {
  const split = sealed.byteLength - TAG_SIZE;
  if (split < 0) return undefined;
  const decipher = createDecipheriv(algorithm, key, chunkNonce(index, last), { authTagLength: TAG_SIZE });
  decipher.setAuthTag(sealed.subarray(split));
  const content = decipher.update(sealed.subarray(0, split));
  try {
    decipher.final();
    return content;
  } catch {
    return undefined;
  }
}

/** STREAM's nonce: the chunk's number in 11 bytes, and one that marks the last. */
function chunkNonce(index: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(index, 5, 6);
  nonce[11] = last ? 1 : 0;
  return nonce;
}
