/** The value of a variable; undefined if it is not set. */
export type LookupVariable = (name: string) => string | undefined;

interface Expansion {
  readonly text: string;
  /** Variables that were needed and are not set. */
  readonly unset: readonly string[];
  /** Variables that gave nothing: those of `unset`, and those that are set to nothing or have an empty default. */
  readonly empty: readonly string[];
}

export type ExpansionResult =
  | ({ readonly kind: 'expanded' } & Expansion)
  | { readonly kind: 'malformed'; readonly reason: string };

/** Deeper nesting of defaults than any person writes: a bound for the recursion. */
const deepest = 16;

/**
 * Replaces `$NAME`, `${NAME}`, `${NAME:-default}` (default if unset or empty), `${NAME-default}` (default if unset);
 * defaults may hold variables themselves. `$$` gives `$`; a `$` that starts no name stays. What a variable holds is not
 * expanded again, so a password may hold any character.
 */
export function expandVariables(template: string, lookup: LookupVariable): ExpansionResult {
  const unset = new Set<string>();
  const empty = new Set<string>();
  let malformed: string | undefined;
  let at = 0;

  const readUntil = (closing: string, depth: number, used: boolean): string => {
    let text = '';
    while (at < template.length && !(closing !== '' && template[at] === closing)) {
      if (template[at] === '$') text += readDollar(depth, used);
      else {
        text += template[at];
        at += 1;
      }
    }
    return text;
  };

  const readDollar = (depth: number, used: boolean): string => {
    const rest = /^\$(?:(\$)|([A-Za-z_][A-Za-z0-9_]*)|(\{))?/.exec(template.slice(at, at + 300));
    at += rest?.[0].length ?? 1;
    if (rest?.[1] !== undefined) return '$';
    if (rest?.[2] !== undefined) return resolve(rest[2], undefined, used);
    return rest?.[3] === undefined ? '$' : readBraces(depth, used);
  };

  const readBraces = (depth: number, used: boolean): string => {
    const head = /^([A-Za-z_][A-Za-z0-9_]*)(:-|-|\})/.exec(template.slice(at, at + 300));
    if (head === null || depth >= deepest) {
      malformed ??=
        head === null ? 'a name, then "}" or ":-", must follow "$" and "{"' : 'defaults are nested too deeply';
      at = template.length;
      return '';
    }
    at += head[0].length;
    const [, name = '', operator] = head;
    if (operator === '}') return resolve(name, undefined, used);
    const value = lookup(name);
    const useDefault = operator === ':-' ? (value ?? '') === '' : value === undefined;
    const fallback = readUntil('}', depth + 1, used && useDefault);
    if (at >= template.length) malformed ??= `the "}" of \${${name} is missing`;
    at += 1;
    return resolve(name, useDefault ? fallback : undefined, used);
  };

  const resolve = (name: string, fallback: string | undefined, used: boolean): string => {
    const value = fallback ?? lookup(name);
    if (used && value === undefined) unset.add(name);
    if (used && (value ?? '') === '') empty.add(name);
    return value ?? '';
  };

  const text = readUntil('', 0, true);
  if (malformed !== undefined) return { kind: 'malformed', reason: malformed };
  return { kind: 'expanded', text, unset: [...unset], empty: [...empty] };
}
