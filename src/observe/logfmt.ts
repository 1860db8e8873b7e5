/**
 * The text of one log line, quoted exactly as Go's `slog.TextHandler` quotes (`log/slog/text_handler.go`,
 * `strconv.Quote`), because operators' greps and parsers were written against Litestream's lines.
 */
export type LogValue = string | number | boolean;

export function formatLogfmt(fields: Iterable<readonly [key: string, value: LogValue]>): string {
  let line = '';
  for (const [key, value] of fields) {
    line += `${line === '' ? '' : ' '}${formatText(key)}=${formatText(String(value))}`;
  }
  return line;
}

function formatText(text: string): string {
  return needsQuotes(text) ? quote(text) : text;
}

/** Control characters, space, the quote and the equals sign. Go leaves a backslash and DEL bare. */
const quotedAscii = /[\0- "=]/;
const quotedUnicode = /[^\0-\u007f\p{L}\p{M}\p{N}\p{P}\p{S}]|\ufffd/u;

/** Searches for one character that asks for quotes: linear in the length, whatever somebody's error message holds. */
function needsQuotes(text: string): boolean {
  return text === '' || quotedAscii.test(text) || quotedUnicode.test(text);
}

const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
const shortEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

function quote(text: string): string {
  let quoted = '"';
  for (const character of text) quoted += shortEscapes[character] ?? escapeUnlessPrintable(character);
  return `${quoted}"`;
}

function escapeUnlessPrintable(character: string): string {
  if (printable.test(character)) return character;
  const code = character.codePointAt(0) ?? 0;
  const hexadecimal = code.toString(16);
  if (code < 0x20 || code === 0x7f) return `\\x${hexadecimal.padStart(2, '0')}`;
  // Half a surrogate pair has no UTF-8 form.
  if (code >= 0xd800 && code <= 0xdfff) return '\ufffd';
  return code < 0x1_0000 ? `\\u${hexadecimal.padStart(4, '0')}` : `\\U${hexadecimal.padStart(8, '0')}`;
}
