import { type ErrorCode, StationError } from '../errors.ts';

/** What a store's answer means: which of our errors it is, and what to do where that code's own hint says too little. */
export interface Meaning {
  readonly code: ErrorCode;
  readonly hint?: string | undefined;
}

export const denied = (hint?: string): Meaning => ({ code: 'STORAGE_DENIED', hint });
export const broken = (hint?: string): Meaning => ({ code: 'STORAGE_BROKEN', hint });
export const notFound = (hint?: string): Meaning => ({ code: 'STORAGE_NOT_FOUND', hint });
export const alreadyExists: Meaning = { code: 'STORAGE_ALREADY_EXISTS' };
export const throttled: Meaning = { code: 'STORAGE_THROTTLED' };
export const unreachable: Meaning = { code: 'STORAGE_UNREACHABLE' };
export const untrusted: Meaning = {
  code: 'STORAGE_UNREACHABLE',
  hint: 'the endpoint’s certificate is not trusted: name its authority in NODE_EXTRA_CA_CERTS',
};

/** Node's words for a certificate that does not prove what it should. */
const certificateWords = [
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'ERR_TLS_CERT_ALTNAME_INVALID',
];

/** That meaning for each of Node's words for a certificate that does not prove what it should. */
export function ofCertificates(meaning: Meaning): Readonly<Record<string, Meaning>> {
  return Object.fromEntries(certificateWords.map((word) => [word, meaning]));
}

/** Without a status no answer came: a word in capitals is then the network's or the system's (ECONNREFUSED). */
export function meaningWithoutAnswer(word: string): Meaning {
  return /^[A-Z][A-Z0-9_]+$/.test(word) ? unreachable : broken();
}

/**
 * The error that the answer to one operation is.
 * @param word the store's own for the reason, with which the message begins
 */
export function storeError(
  { code, hint }: Meaning,
  word: string,
  text: string,
  { permission, url }: { readonly permission: string; readonly url: string },
  cause: unknown,
): StationError {
  const message = `${word}: ${text} (${permission} on ${url})`;
  return new StationError(code, message, hint === undefined ? { cause } : { cause, hint });
}
