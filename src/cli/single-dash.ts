/** An option as far as its spelling goes. */
export interface OptionForm {
  /** With its dashes: `--config`. */
  readonly long: string;
  /** `-o`; Go's flags also take it as `--o` and `-o=FILE`. */
  readonly short?: string | undefined;
  readonly takesValue: boolean;
}

/**
 * Spells Litestream's single-dash options (`-config FILE`, `-config=FILE`, `-json=false`) the way commander reads
 * them, for known names only. Reads as far as `--`; with `stopAtOperand` also only as far as the first operand, because
 * what follows COMMAND is the command's own.
 */
export function normalizeOptions(
  words: readonly string[],
  options: readonly OptionForm[],
  stopAtOperand: boolean,
): readonly string[] {
  const forms = new Map<string, OptionForm>();
  for (const option of options) {
    forms.set(option.long.slice(2), option);
    if (option.short !== undefined) forms.set(option.short.slice(1), option);
  }
  const result: string[] = [];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    if (word === '--' || (stopAtOperand && !isOption(word))) return [...result, ...words.slice(index)];
    const [, name = '', value] = /^--?([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    const form = forms.get(name);
    if (form === undefined) {
      result.push(word);
    } else if (form.takesValue) {
      // The value may begin with a dash itself, so it is tied to its option.
      const takesNext = value === undefined && index + 1 < words.length;
      if (takesNext) index += 1;
      const text = takesNext ? words[index] : value;
      result.push(text === undefined ? form.long : `${form.long}=${text}`);
    } else {
      result.push(...normalizeSwitch(form.long, word, value));
    }
  }
  return result;
}

/** Go's flags take `-json`, `-json=true` and `-json=false`. What is neither is left for the parser to refuse. */
function normalizeSwitch(long: string, word: string, value: string | undefined): readonly string[] {
  if (value === undefined || value === 'true' || value === '1') return [long];
  return value === 'false' || value === '0' ? [] : [word];
}

function isOption(word: string): boolean {
  return word.startsWith('-') && word !== '-';
}
