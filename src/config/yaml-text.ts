import { type Document, LineCounter, parseDocument, type YAMLError } from 'yaml';
import { StationError } from '../errors.ts';
import { type Problem, problemsAsError, type Where } from './problem.ts';

export interface YamlText {
  readonly document: Document.Parsed;
  readonly whereOf: (offset: number) => Where;
}

/**
 * The document of a YAML text, and the way from its offsets to `file:line:column`.
 *
 * @throws StationError CONFIG_SYNTAX for the first mistake: those after it are mostly its echo.
 */
export function parseYaml(text: string, source: string): YamlText {
  const lineCounter = new LineCounter();
  const document = parseOrFail(text.replace(/^\uFEFF/, ''), source, lineCounter);
  const whereOf = (offset: number): Where => {
    const { line, col } = lineCounter.linePos(offset);
    return { text: `${source}:${Math.max(1, line)}:${Math.max(1, col)}`, order: offset };
  };
  const [mistake] = [...document.errors, ...document.warnings];
  if (mistake !== undefined) throw problemsAsError([describe(mistake, whereOf)]);
  return { document, whereOf };
}

function parseOrFail(text: string, source: string, lineCounter: LineCounter): Document.Parsed {
  try {
    return parseDocument(text, { lineCounter, prettyErrors: false, logLevel: 'error' });
  } catch (cause) {
    // Some thousand opening brackets exhaust the parser's stack.
    throw new StationError('CONFIG_SYNTAX', `${source}:1:1: the file cannot be read as YAML`, { cause });
  }
}

/** In our words: the parser's own messages may repeat the text, and the text may be a secret. */
const mistakes: Partial<Record<YAMLError['code'], readonly [message: string, hint: string]>> = {
  TAB_AS_INDENT: ['a tab indents this line', 'indent with spaces'],
  DUPLICATE_KEY: ['this key is here twice', 'remove one of the two'],
  BAD_INDENT: ['the indentation fits no line above, or a bracket above is not closed', 'align it with its neighbours'],
  BAD_DQ_ESCAPE: ['this backslash sequence means nothing in double quotes', 'use single quotes'],
  BAD_SCALAR_START: ['a value cannot start with this character', 'put the value in quotes'],
  BLOCK_AS_IMPLICIT_KEY: ['a "key: value" inside a value', 'start a new line for it, or put the value in quotes'],
  MISSING_CHAR: [
    'something is missing here: a colon, or the end of a quote or bracket opened above',
    'complete it, and check the indentation',
  ],
  MULTILINE_IMPLICIT_KEY: ['a line without "key:"', 'write "key: value" on one line, with a space after the colon'],
  MULTIPLE_DOCS: ['a second document starts here', 'keep one document: remove "---" and what follows'],
  TAG_RESOLVE_FAILED: ['a "!tag" that means nothing here', 'remove the tag, or put the value in quotes'],
  UNEXPECTED_TOKEN: ['this cannot stand here', 'put values with { } [ ] , : # in quotes'],
};

function describe(error: YAMLError, whereOf: (offset: number) => Where): Problem {
  const [message, hint] = mistakes[error.code] ?? ['this is not valid YAML', 'correct the line'];
  return { where: whereOf(error.pos[0]), code: 'CONFIG_SYNTAX', message, hint };
}
