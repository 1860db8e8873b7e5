/**
 * The words of a command line, split as a shell does it: single and double quotes, backslashes; no variables, no globs.
 * Undefined where a quote is not closed.
 */
export function commandWords(line: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let rest = line;
  while (rest !== '') {
    const [taken, text] = nextPiece(rest);
    if (taken === 0) return undefined;
    if (text === undefined) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? '') + text;
    }
    rest = rest.slice(taken);
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** How many characters the next piece takes, and its text; without text it ends a word. */
function nextPiece(rest: string): readonly [taken: number, text: string | undefined] {
  const space = /^\s+/.exec(rest);
  if (space !== null) return [space[0].length, undefined];
  const single = /^'([^']*)'/.exec(rest);
  if (single !== null) return [single[0].length, single[1] ?? ''];
  const double = /^"((?:[^"\\]|\\[\s\S])*)"/.exec(rest);
  if (double !== null) return [double[0].length, (double[1] ?? '').replace(/\\([\\"$`\n])/g, '$1')];
  const escaped = /^\\([\s\S])/.exec(rest);
  if (escaped !== null) return [2, escaped[1] ?? ''];
  const plain = /^[^\s'"\\]+/.exec(rest);
  return plain === null ? [0, undefined] : [plain[0].length, plain[0]];
}
