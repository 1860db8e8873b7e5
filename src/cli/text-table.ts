/**
 * Columns as wide as their widest cell, two spaces between them, as Litestream's own lists have it. What stands in a
 * column is left-aligned, so that a script can cut a line at its spaces.
 */
export function tableLines(headings: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** Lines for a person, or one JSON text as Litestream prints it. */
export function print(asJson: boolean, json: () => unknown, lines: () => readonly string[]): void {
  const text = asJson ? JSON.stringify(json(), undefined, 2) : lines().join('\n');
  process.stdout.write(`${text}\n`);
}

/** RFC 3339 with milliseconds: cut to whole seconds, as Litestream has it, a time put into -timestamp means the file before. */
export function listedTime(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? String(time) : date.toISOString();
}
