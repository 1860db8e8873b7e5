/** The keys `age.recipients` and `age.identities`: honoured in full, or refused with their place. */
import { generateHybridIdentity, generateIdentity, identityToRecipient } from 'age-encryption';
import { describe, expect, it } from 'vitest';
import { parseBech32 } from '../../src/storage/age/bech32.ts';
import { errorOfText, loadText, withReplica } from './load-text.ts';

const identity = await generateIdentity();
const recipient = await identityToRecipient(identity);
const hybrid = await generateHybridIdentity();
const file = '/config/litestream.yml';
const keysOf = (text: string, environment = {}) =>
  loadText(text, { environment }).databases[0]?.replicas.map(({ store }) => store.age);
const withAge = (...lines: string[]) => withReplica('path: /backup', 'age:', ...lines.map((line) => `  ${line}`));

describe('age keys', () => {
  it('are taken as lists or as single values, of every kind', async () => {
    const recipients = [recipient, await identityToRecipient(hybrid)];
    expect(keysOf(withAge(`recipients: [${recipients}]`, `identities: [${identity}, ${hybrid}]`))).toEqual([
      { recipients, identities: [identity, hybrid], where: `${file}:6:24` },
    ]);
    expect(keysOf(withAge(`recipients: ${recipient}`, `identities: ${identity}`))).toMatchObject([
      { recipients: [recipient], identities: [identity] },
    ]);
  });

  it('at the top are those of all replicas; a replica’s own come first', () => {
    const text = `age: {identities: [${identity}]}\n`;
    expect(keysOf(text + withReplica('path: /backup'))).toMatchObject([{ recipients: [], identities: [identity] }]);
    expect(keysOf(text + withAge(`identities: [${hybrid}]`))).toMatchObject([{ identities: [hybrid] }]);
  });

  it('may come from a variable, also as the whole file that age-keygen writes', () => {
    const AGE_IDENTITY = `# created: 2026-01-01\n# public key: ${recipient}\n${identity}`;
    expect(keysOf(withAge('identities: [$AGE_IDENTITY]'), { AGE_IDENTITY })).toMatchObject([
      { identities: [identity] },
    ]);
  });

  it('without any, nothing is encrypted', () => {
    expect(keysOf(withReplica('path: /backup'))).toEqual([undefined]);
  });
});

describe('what cannot be honoured is refused', () => {
  const mistyped = (key: string) => key.slice(0, -1) + (key.endsWith('Q') || key.endsWith('q') ? 'P' : 'Q');

  it.each([
    [
      'a mistyped recipient',
      [`recipients: [${recipient.slice(0, -2)}]`, `identities: [${identity}]`],
      '6:24',
      'no recipient',
    ],
    ['an SSH key', ['recipients: ["ssh-ed25519 AAAA"]', `identities: [${identity}]`], '6:24', 'SSH key'],
    ['an identity as recipient', [`recipients: [${identity}]`, `identities: [${identity}]`], '6:24', 'secret'],
    ['a mistyped identity', [`identities: [${mistyped(identity)}]`], '6:24', 'mistyped'],
    ['a file’s name as identity', ['identities: /run/secrets/age'], '6:23', 'no identity'],
    ['a recipient as identity', [`identities: [${recipient}]`], '6:24', 'holds a recipient'],
    ['recipients alone', [`recipients: [${recipient}]`], '6:24', '"age.identities" is not'],
  ])('%s', (_, lines, place, message) => {
    const error = errorOfText(withAge(...lines));
    expect(error).toMatchObject({ code: 'CONFIG_VALUE', message: expect.stringContaining(`${file}:${place}: `) });
    expect(error.message).toContain(message);
  });

  it.each([
    ['an unset variable', withAge('identities: [$NOT_SET]'), 'CONFIG_ENVIRONMENT', 'NOT_SET'],
    [
      'an unset variable beside a key',
      withAge(`identities: [${identity}]`, `recipients: [${recipient}, $NOT_SET]`),
      'CONFIG_ENVIRONMENT',
      'NOT_SET',
    ],
    ['an empty list', withAge('identities: []'), 'CONFIG_VALUE', 'says nothing'],
    ['nothing at all', withReplica('path: /backup', 'age:'), 'CONFIG_VALUE', 'says nothing'],
    ['an empty map at the top', `age: {}\n${withReplica('path: /backup')}`, 'CONFIG_VALUE', 'says nothing'],
  ])('%s never means in the clear', (_, text, code, message) => {
    expect(errorOfText(text)).toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it('no message holds an identity', () => {
    const wrong = [mistyped(identity), identity.toLowerCase(), `${identity}X`, identity.slice(0, -9)];
    for (const key of wrong) {
      for (const name of ['identities', 'recipients']) {
        const { message, hint } = errorOfText(withAge(`${name}: [${key}]`));
        expect(`${message} ${hint}`.toUpperCase()).not.toContain(identity.slice(16, 40));
      }
    }
  });
});

it('Bech32 is checked to the last character, as in the standard’s own examples', () => {
  expect(parseBech32('A12UEL5L')).toEqual({ prefix: 'a', size: 0 });
  expect(parseBech32('abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw')).toEqual({ prefix: 'abcdef', size: 20 });
  for (const wrong of ['A12UEL5K', 'a12UEL5L', '1pzry9x0s0muk', 'pzry9x0s0muk', 'x1b4n0q5v', '']) {
    expect(parseBech32(wrong)).toBeUndefined();
  }
});
