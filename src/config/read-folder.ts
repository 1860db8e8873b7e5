import type { DatabaseEntry, DatabaseFolderConfig } from './config.ts';
import { compileFilePattern } from './file-pattern.ts';
import { addProblem, type ConfigReading } from './reading.ts';
import type { ReplicaReading } from './replica-reading.ts';
import { resolvePath } from './resolve-path.ts';
import { find, findBoolean, findText, type Section, type SectionValue } from './section.ts';

const ofFolders = ['pattern', 'recursive', 'watch', 'meta-dir'];

/** An entry of `dbs` that names a folder. */
export function readFolder(
  folder: SectionValue,
  database: Section,
  template: DatabaseFolderConfig['template'],
  { reading, context }: Pick<ReplicaReading, 'reading' | 'context'>,
): DatabaseEntry | undefined {
  const path = find([database], 'path');
  if (path !== undefined) {
    const hint = 'keep "path" for one database, "dir" for all of a folder';
    addProblem(reading, path.where, 'CONFIG_VALUE', '"path" and "dir" are both given', hint);
    return undefined;
  }
  const pattern = readPattern(database, reading);
  if (pattern === undefined) return undefined;
  return {
    kind: 'folder',
    folder: {
      path: resolvePath(String(folder.value), context),
      pattern,
      depth: findBoolean([database], 'recursive') === true ? 'with-subfolders' : 'this-folder',
      discovery: findBoolean([database], 'watch') === true ? 'always' : 'at-start',
      staging: readStaging(database, reading, (written) => resolvePath(written, context)),
      template,
    },
  };
}

/** Beside a `path`, these would be ignored in silence; values that say what is so anyway are not mistakes. */
export function reportKeysOfFolders(database: Section, reading: ConfigReading): void {
  for (const name of ofFolders) {
    const given = find([database], name);
    if (given === undefined || given.value === false) continue;
    const hint = 'remove it, or write "dir: /data" instead of "path"';
    addProblem(reading, given.where, 'CONFIG_VALUE', `"${name}" goes with "dir", and this is one database`, hint);
  }
}

function readPattern(database: Section, reading: ConfigReading): string | undefined {
  const pattern = find([database], 'pattern');
  if (pattern === undefined) {
    const hint = 'add "pattern: \'*.db\'"';
    addProblem(reading, database.where, 'CONFIG_VALUE', 'the folder of databases has no "pattern"', hint);
    return undefined;
  }
  const text = String(pattern.value);
  if (text.includes('/')) {
    const hint = 'write the names alone, as in *.db; for subfolders add "recursive: true"';
    addProblem(reading, pattern.where, 'CONFIG_VALUE', '"pattern" names a folder', hint);
  } else if (compileFilePattern(text) === undefined) {
    const hint = 'close every [ and write \\ only before a character';
    addProblem(reading, pattern.where, 'CONFIG_VALUE', '"pattern" is none', hint);
  } else return text;
  return undefined;
}

function readStaging(
  database: Section,
  reading: ConfigReading,
  absolute: (path: string) => string,
): DatabaseFolderConfig['staging'] {
  const [metaPath, metaDir] = [findText([database], 'meta-path'), find([database], 'meta-dir')];
  if (metaDir === undefined) {
    return metaPath === undefined ? { kind: 'beside' } : { kind: 'meta-path', root: absolute(metaPath) };
  }
  if (metaPath !== undefined) {
    const message = '"meta-path" and "meta-dir" are both given';
    addProblem(reading, metaDir.where, 'CONFIG_VALUE', message, 'keep one of them');
  }
  return { kind: 'meta-dir', root: absolute(String(metaDir.value)) };
}
