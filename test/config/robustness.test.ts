import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { keyTable } from '../../src/config/keys/table.ts';
import { loadConfig, replicaFromUrl } from '../../src/config/load.ts';
import { isStationError } from '../../src/errors.ts';
import { guideExamples } from './guide-examples.ts';
import { contextOf } from './load-text.ts';

const secret = 'Zq7-very-secret-Zq7';
const environment = { SECRET: secret, AWS_SECRET_ACCESS_KEY: secret, AWS_ACCESS_KEY_ID: 'id' };
const files = (text: string) => ({ '/config/litestream.yml': text });

/** Loads it; any error must be ours, about the config, with a place, and without a secret. */
function mustBehave(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (!isStationError(error)) throw error;
    expect(error.code).toMatch(/^CONFIG_/);
    expect(error.hint).not.toBe('');
    expect(`${error.message}\n${error.hint}`).not.toContain('very-secret');
  }
}
const mustLoadOrExplain = (text: string): void =>
  mustBehave(() => loadConfig({ flags: {}, ...contextOf({ environment, files: files(text) }) }));

const base = [
  ...Object.values(guideExamples),
  `logging: {level: info}\nlevels:\n  - interval: 30s\ndbs:\n  - path: /a.db\n    replica: &r\n      url: s3://b/p?x=1\n      secret-access-key: \${SECRET}\n`,
];

describe('whatever the file says, it loads or gives an error of ours', () => {
  it('for any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), mustLoadOrExplain), { numRuns: 100 });
  });

  it('for texts made of the pieces of YAML', () => {
    const piece = fc.constantFrom(
      ...[
        '\n',
        '  ',
        '- ',
        ': ',
        'dbs',
        'path',
        'replicas',
        'url',
        '"',
        "'",
        '[',
        ']',
        '{',
        '}',
        '&a ',
        '*a',
        '<<',
        '|',
        '>',
      ],
      ...[
        '!!x ',
        '? ',
        '#',
        '%',
        '---\n',
        '\t',
        '$SECRET',
        `\${SECRET`,
        ',',
        '@',
        'null',
        '1',
        '\u0000',
        '\uFEFF',
        's3://',
      ],
    );
    const text = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));
    fc.assert(fc.property(text, mustLoadOrExplain), { numRuns: 500 });
  });

  it('for sound configs with characters changed, lost or doubled', () => {
    const edit = fc.tuple(
      fc.nat(),
      fc.nat(3),
      fc.constantFrom('', ':', ' ', '\n', '-', '"', '$', '{', '\t', 'x', '&', '*'),
    );
    const mutated = fc
      .tuple(fc.constantFrom(...base), fc.array(edit, { minLength: 1, maxLength: 5 }))
      .map(([text, edits]) =>
        edits.reduce((now, [at, removed, added]) => {
          const index = at % (now.length + 1);
          return now.slice(0, index) + added + now.slice(index + removed);
        }, text),
      );
    fc.assert(fc.property(mutated, mustLoadOrExplain), { numRuns: 500 });
  });

  it('for known keys with any values, where a secret is among them', () => {
    const names = [...new Set(keyTable.map(({ name }) => name.split('.').at(-1) ?? ''))];
    const key = fc.oneof(fc.constantFrom(...names), fc.constantFrom('__proto__', 'constructor', 'x-y', ''));
    const leaf = fc.oneof(
      fc.constantFrom(
        '$SECRET',
        `a\${SECRET}`,
        `s3://u:\${SECRET}@b/p`,
        `s3://b/p?secret-access-key=\${SECRET}`,
        's3',
        'file',
        '10s',
      ),
      fc.jsonValue({ maxDepth: 1 }),
    );
    const secretKeys = new Set(keyTable.filter(({ takes }) => takes.kind === 'secret').map(({ name }) => name));
    // A secret written where none belongs cannot be told from any other value: only secret keys and URLs carry it here.
    const entries = fc.array(fc.tuple(key, leaf), { maxLength: 6 }).map((pairs) =>
      Object.fromEntries(
        pairs.map(([name, value]) => {
          const holdsSecret = JSON.stringify(value).includes('SECRET');
          return [name, holdsSecret && !secretKeys.has(name) && name !== 'url' ? 'text' : value];
        }),
      ),
    );
    const config = fc
      .record({ top: entries, database: entries, replica: entries })
      .map(({ top, database, replica }) =>
        stringify({ ...top, dbs: [{ path: '/a.db', ...database, replicas: [replica] }] }),
      );
    fc.assert(fc.property(config, mustLoadOrExplain), { numRuns: 500 });
  });

  it('for any URL', () => {
    const piece = fc.constantFrom(
      's3',
      'file',
      'gs',
      ':',
      '//',
      '/',
      '?',
      '&',
      '=',
      '@',
      '%',
      '%zz',
      'arn:',
      'accesspoint',
      '.',
      '#',
      secret,
    );
    const url = fc.oneof(
      fc.string({ maxLength: 40 }),
      fc.array(piece, { maxLength: 15 }).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(url, (text) => {
        try {
          replicaFromUrl(text, contextOf({}));
        } catch (error) {
          if (!isStationError(error)) throw error;
          expect(error.code).toMatch(/^CONFIG_/);
        }
      }),
      { numRuns: 500 },
    );
  });
});
