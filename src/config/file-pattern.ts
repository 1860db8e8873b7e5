/**
 * Matches a file's name the way Litestream does (Go's `filepath.Match`): `*` any characters, `?` one, `[a-z]` and `[^a-z]`
 * one of a set, `\` takes the meaning from the next. A leading dot is a character like any other.
 * @returns undefined for a pattern that is none: an open set, an empty one, a backslash at the end
 */
export function compileFilePattern(pattern: string): RegExp | undefined {
  let rest = pattern;
  let source = '';
  while (rest !== '') {
    const [taken, piece] = nextPiece(rest);
    if (taken === 0) return undefined;
    source += piece;
    rest = rest.slice(taken);
  }
  try {
    return new RegExp(`^${source}$`, 'su');
  } catch {
    // A range that runs backwards.
    return undefined;
  }
}

/** How many characters the next piece takes, and what it is as a regular expression; none taken: it is malformed. */
function nextPiece(rest: string): readonly [taken: number, source: string] {
  if (rest.startsWith('*')) return [1, '[^/]*'];
  if (rest.startsWith('?')) return [1, '[^/]'];
  const set = /^\[(?!\^\])(\^?)((?:\\[\s\S]|[^\]\\])+)\]/u.exec(rest);
  if (set !== null) return [set[0].length, `[${set[1]}${setMembers(set[2] ?? '')}]`];
  if (rest.startsWith('[')) return [0, ''];
  const plain = /^(?:\\([\s\S])|([^\\]))/u.exec(rest);
  return plain === null ? [0, ''] : [plain[0].length, literal(plain[1] ?? plain[2] ?? '')];
}

/** A hyphen between two characters makes a range; every other character stands for itself. */
function setMembers(members: string): string {
  return [...members.matchAll(/\\([\s\S])|(-)|([\s\S])/gu)]
    .map(([, escaped, hyphen, plain]) => hyphen ?? literal(escaped ?? plain ?? '', '-'))
    .join('');
}

/** @param alsoSpecial what has a meaning here only; elsewhere it must not be escaped */
function literal(character: string, alsoSpecial = ''): string {
  const isSpecial = /[\\^$.*+?()[\]{}|/]/.test(character) || character === alsoSpecial;
  return isSpecial ? `\\${character}` : character;
}
