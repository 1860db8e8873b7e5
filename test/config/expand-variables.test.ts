import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expandVariables } from '../../src/config/expand-variables.ts';

const variables: Readonly<Record<string, string>> = { NAME: 'value', EMPTY: '', TRICKY: `$NAME \${NAME} "\n- x: y` };
const expand = (template: string) => expandVariables(template, (name) => variables[name]);
const textOf = (template: string) => {
  const result = expand(template);
  return result.kind === 'expanded' ? result.text : result;
};

describe('variables in a value', () => {
  it.each([
    [`a $NAME b`, 'a value b'],
    [`a\${NAME}b`, 'avalueb'],
    [`\${NAME:-other}`, 'value'],
    [`\${UNSET:-other}`, 'other'],
    [`\${EMPTY:-other}`, 'other'],
    [`\${EMPTY-other}`, ''],
    [`\${UNSET-other}`, 'other'],
    [`\${UNSET:-\${EMPTY:-deep}}`, 'deep'],
    [`\${UNSET:-a:-b}`, 'a:-b'],
    [`\${UNSET:-}`, ''],
    [`pa$$word`, 'pa$word'],
    [`costs 5$ or $5`, 'costs 5$ or $5'],
    [`$`, '$'],
    [`$UNSET`, ''],
    ['', ''],
  ])('%j gives %j', (template, expected) => {
    expect(textOf(template)).toBe(expected);
  });

  it('are not looked for again in what a variable holds', () => {
    expect(textOf('$TRICKY')).toBe(variables['TRICKY']);
  });

  it('are named when they are not set, and when they give nothing', () => {
    expect(expand(`\${UNSET}\${EMPTY}\${NAME}`)).toMatchObject({ unset: ['UNSET'], empty: ['UNSET', 'EMPTY'] });
    expect(expand(`\${UNSET:-x}`)).toMatchObject({ unset: [], empty: [] });
    expect(expand(`\${UNSET:-}`)).toMatchObject({ unset: [], empty: ['UNSET'] });
    expect(expand(`\${NAME:-\${UNSET}}`)).toMatchObject({ unset: [], empty: [] });
  });

  it.each([`\${NAME`, `\${NAME:-x`, `\${}`, `\${NAME:?x}`, `\${ NAME }`, `\${NAME:=x}`])(
    '%j is malformed',
    (template) => {
      expect(expand(template).kind).toBe('malformed');
    },
  );

  it('never loop, whatever the text', () => {
    const piece = fc.constantFrom('$', '{', '}', ':-', '-', 'NAME', 'UNSET', ' ', '$$', `\${`);
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        expect(['expanded', 'malformed']).toContain(expand(pieces.join('')).kind);
      }),
    );
    expect(expand(`\${A:-`.repeat(100_000)).kind).toBe('malformed');
  });
});
