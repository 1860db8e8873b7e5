import type { S3StoreOptions } from '../storage/store-options.ts';
import { addProblem } from './reading.ts';
import type { ReplicaReading } from './replica-reading.ts';
import { resolvePath } from './resolve-path.ts';
import { find, type Section, type SectionValue } from './section.ts';

type Encryption = S3StoreOptions['serverSideEncryption'];

/** How the store is to encrypt: `sse` says with whose key, a key's own entry says so by itself. Two that differ are a mistake. */
export function readEncryption(sections: readonly Section[], replica: ReplicaReading): Encryption {
  const kind = find(sections, 'sse');
  const keyId = find(sections, 'sse-kms-key-id');
  const [key, path] = [find(sections, 'sse-customer-key'), find(sections, 'sse-customer-key-path')];
  const algorithm = find(sections, 'sse-customer-algorithm');
  const isKms = kind?.value === 'aws:kms';
  const given = [isKms && keyId !== undefined ? undefined : kind, keyId, key, path].filter(
    (value) => value !== undefined,
  );
  const [first, second] = given;
  if (second !== undefined) {
    const names = given.map((value) => `"${value.rule.name}"`).join(' and ');
    addProblem(replica.reading, second.where, 'CONFIG_VALUE', `${names} exclude each other`, 'keep one of them');
  } else if (first !== undefined && (first === key || first === path)) {
    return readCustomerKey(first, algorithm, replica);
  } else if (algorithm !== undefined) {
    const message = '"sse-customer-algorithm" is given without a key';
    addProblem(replica.reading, algorithm.where, 'CONFIG_VALUE', message, 'add "sse-customer-key-path"');
  } else if (keyId !== undefined) {
    return { kind: 'aws:kms', keyId: String(keyId.value) };
  } else if (kind !== undefined) {
    return isKms ? { kind: 'aws:kms', keyId: undefined } : { kind: 'AES256' };
  }
  return undefined;
}

function readCustomerKey(
  given: SectionValue,
  algorithm: SectionValue | undefined,
  replica: ReplicaReading,
): Encryption {
  const isPath = given.rule.name === 'sse-customer-key-path';
  const keyBase64 = isPath ? readKeyFile(String(given.value), replica) : String(given.value);
  if (Buffer.from(keyBase64 ?? '', 'base64').length === 32) {
    const name = algorithm === undefined ? 'AES256' : String(algorithm.value);
    return { kind: 'customer', algorithm: name, keyBase64: keyBase64 ?? '', keyMd5: undefined };
  }
  const message = `"${given.rule.name}" gives no key of 32 bytes in base64`;
  addProblem(replica.reading, given.where, 'CONFIG_VALUE', message, 'make one with: openssl rand -base64 32');
  return undefined;
}

/** Undefined if there is no such file, or none that can be read. */
function readKeyFile(path: string, { context }: ReplicaReading): string | undefined {
  try {
    return context.readFile(resolvePath(path, context))?.trim();
  } catch {
    // The caller says that this file gives no key; that a folder or a closed file gives none either is the same mistake.
    return undefined;
  }
}
