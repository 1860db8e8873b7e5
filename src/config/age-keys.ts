import { parseBech32 } from '../storage/age/bech32.ts';
import type { AgeKeys } from '../storage/store-options.ts';
import { quoted } from './problem.ts';
import { addProblem } from './reading.ts';
import type { ReplicaReading } from './replica-reading.ts';
import { findList, type Section, type SectionValue } from './section.ts';

/** Bytes in a recipient, by its prefix: X25519, post-quantum, and those of hardware keys. */
const recipientSizes: Readonly<Record<string, number>> = { age: 32, age1pq: 1216, age1tag: 33, age1tagpq: 1249 };
const identityPrefixes = ['age-secret-key-', 'age-secret-key-pq-'];

/**
 * The keys of a replica that is to be encrypted; undefined where nothing asks for it. What asks and cannot be honoured is
 * a problem: written in the clear by mistake, a database cannot be called back. No message repeats an identity.
 */
export function readAgeKeys(sections: readonly Section[], { reading }: ReplicaReading): AgeKeys | undefined {
  reportBlank(sections, reading);
  const recipients = findList(sections, 'age.recipients');
  const identities = findList(sections, 'age.identities');
  const [first] = [...recipients, ...identities];
  if (first === undefined) return undefined;
  for (const { value, where } of recipients) {
    const wrong = wrongRecipient(keysIn(String(value)).join(' '));
    if (wrong !== undefined) addProblem(reading, where, 'CONFIG_VALUE', `"age.recipients" ${wrong[0]}`, wrong[1]);
  }
  for (const { value, where } of identities) {
    const keys = keysIn(String(value));
    const wrong = keys.length === 0 ? wrongIdentity('') : keys.map(wrongIdentity).find((one) => one !== undefined);
    if (wrong !== undefined) addProblem(reading, where, 'CONFIG_VALUE', `"age.identities" ${wrong[0]}`, wrong[1]);
  }
  if (identities.length === 0) {
    const hint =
      'add the identity of one recipient: without it nothing could be restored, nor continued after a restart';
    addProblem(reading, first.where, 'CONFIG_VALUE', '"age.recipients" is given and "age.identities" is not', hint);
  }
  return { recipients: recipients.flatMap(keysOf), identities: identities.flatMap(keysOf), where: first.where.text };
}

const keysOf = ({ value }: SectionValue): readonly string[] => keysIn(String(value));

/** A value may be a whole file of age-keygen, with its comments, as `NAME_FILE` hands it in. */
function keysIn(text: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}

function reportBlank(sections: readonly Section[], reading: ReplicaReading['reading']): void {
  for (const section of sections) {
    for (const name of ['age', 'age.recipients', 'age.identities']) {
      const variables = section.blank.get(name);
      if (variables === undefined) continue;
      const [code, message] =
        variables.length > 0
          ? (['CONFIG_ENVIRONMENT', `"${name}" needs ${variables.join(', ')}, which is not set`] as const)
          : (['CONFIG_VALUE', `"${name}" is there and says nothing`] as const);
      addProblem(reading, section.where, code, message, 'give the keys, or remove "age" to replicate unencrypted');
    }
  }
}

/** What is wrong and what to write instead. Only what begins as a recipient is repeated: it may be a misplaced secret. */
function wrongRecipient(text: string): readonly [string, string] | undefined {
  const hint = 'write a recipient as age-keygen prints it: age1…';
  if (/^age-secret-key-/i.test(text)) {
    return [
      'holds an identity, which is secret',
      'write it under "identities", and its recipient (age-keygen -y) here',
    ];
  }
  if (text.startsWith('ssh-')) return ['holds an SSH key, which is not supported', hint];
  if (!text.startsWith('age1')) return ['holds what is no recipient', hint];
  const parsed = parseBech32(text);
  const isRight = parsed !== undefined && recipientSizes[parsed.prefix] === parsed.size;
  return isRight
    ? undefined
    : [`holds ${quoted(text)}, which is no recipient`, `${hint}; part of it is missing or mistyped`];
}

function wrongIdentity(text: string): readonly [string, string] | undefined {
  const hint =
    'write the identity itself, AGE-SECRET-KEY-1…, best as $AGE_IDENTITY, with AGE_IDENTITY_FILE naming its file';
  if (text.startsWith('age1')) return ['holds a recipient', 'write it under "recipients", and its identity here'];
  if (!text.startsWith('AGE-SECRET-KEY-')) return ['holds what is no identity', hint];
  const parsed = parseBech32(text);
  const isRight = parsed !== undefined && identityPrefixes.includes(parsed.prefix) && parsed.size === 32;
  return isRight ? undefined : ['holds an identity of which part is missing or mistyped', hint];
}
