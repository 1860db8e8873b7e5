import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { KeyPlace, KeyRule } from '../../src/config/keys/key-rule.ts';
import { keyTable, rulesFor } from '../../src/config/keys/table.ts';
import { litestreamKeys } from './litestream-keys.ts';

describe('the table of keys', () => {
  it.each(Object.entries(litestreamKeys))('knows every key of Litestream 0.3.13 and 0.5.17: %s', (place, names) => {
    const unknown = names.filter((name) => rulesFor(name, place as KeyPlace).length === 0);
    expect(unknown).toEqual([]);
  });

  it('says what to do wherever it refuses or notes', () => {
    for (const { treatment, meaning } of keyTable) {
      expect(meaning).not.toBe('');
      if (treatment.kind === 'refused') expect(treatment.hint.length).toBeGreaterThan(10);
      if (treatment.kind === 'noted') expect(treatment.note.length).toBeGreaterThan(10);
    }
  });

  it('has a rule for the group of every inner key', () => {
    for (const { name, places } of keyTable) {
      const group = name.split('.')[0] ?? '';
      if (group === name) continue;
      for (const place of places) expect(rulesFor(group, place).map(({ takes }) => takes.kind)).toContain('group');
    }
  });
});

describe('docs/configuration.md', () => {
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
  const rowOf = ({ name, places, treatment, meaning }: KeyRule): string =>
    `| \`${name}\` | ${places.join(', ')} | ${treatment.kind} | ${meaning} |`;

  it('lists every key of the table with its places, what becomes of it and what it means, and no other', () => {
    const rows = page.split('\n').filter((line) => /^\| `[^`]+` \| (top|database|replica|level)/.test(line));
    expect(rows).toEqual(keyTable.map(rowOf));
  });
});
