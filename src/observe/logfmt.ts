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

/** Go leaves a backslash bare, although JSON would escape it; DEL too. */
const bareAscii = /^[!#-<>-\u007f]*$/;
const bareUnicode = /^(?:[!#-<>-\u007f]|(?!\ufffd)[\p{L}\p{M}\p{N}\p{P}\p{S}])*$/u;

function needsQuotes(text: string): boolean {
  if (text === '') return true;
  return !(bareAscii.test(text) || (bareUnicode.test(text) && !/[="]/.test(text)));
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
