import { once } from 'node:events';
import { createReadStream, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeLtx } from '../../src/ltx/decoder.ts';
import type { Contender, Place } from '../contender.ts';
import { pause, percentile } from '../measure.ts';

export interface Lag {
  readonly p50: number;
  readonly p99: number;
  /** The program's own commits. */
  readonly commitP50: number;
  readonly commitP99: number;
}

/**
 * From a commit's return until the first level-0 file in the folder replica that holds it has appeared under its name.
 * Each commit writes its number into a page; the files are decoded afterwards to see which number each holds.
 */
export async function durableLag(
  contender: Contender,
  place: Place,
  count: number,
  pauseBetween: number,
): Promise<Lag> {
  const folder = join(place.folder, 'replica', 'ltx', '0');
  mkdirSync(folder, { recursive: true });
  const seen = new Map<string, number>();
  const file = join(place.folder, 'commits.txt');
  const writer = [
    process.execPath,
    join(import.meta.dirname, '../writer.mjs'),
    place.database,
    String(count),
    String(pauseBetween),
    file,
  ];
  const child = contender.run(place, writer);
  const ended = once(child, 'exit');
  let running = true;
  void ended.then(() => {
    running = false;
  });
  while (running) {
    for (const name of readdirSync(folder)) {
      if (name.endsWith('.ltx') && !seen.has(name)) seen.set(name, performance.timeOrigin + performance.now());
    }
    await pause(2);
  }
  const commits = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(Number));
  const marks = await marksOf(folder, seen);
  const lags = commits.flatMap(([n = 0, at = 0]) => {
    const first = marks.find((mark) => mark.n >= n);
    return first === undefined ? [] : [Math.max(0, first.at - at)];
  });
  const took = commits.map(([, , duration = 0]) => duration);
  return {
    p50: percentile(lags, 0.5),
    p99: percentile(lags, 0.99),
    commitP50: percentile(took, 0.5),
    commitP99: percentile(took, 0.99),
  };
}

async function marksOf(
  folder: string,
  seen: ReadonlyMap<string, number>,
): Promise<readonly { readonly n: number; readonly at: number }[]> {
  const marks: { n: number; at: number }[] = [];
  for (const [name, at] of [...seen].sort((a, b) => a[0].localeCompare(b[0]))) {
    let newest = 0;
    for await (const pages of decodeLtx(createReadStream(join(folder, name)))) {
      for (const page of pages) {
        const found = /MARK(\d{12})/.exec(Buffer.from(page.data).toString('latin1'));
        if (found !== null) newest = Math.max(newest, Number(found[1]));
      }
    }
    if (newest > 0) marks.push({ n: newest, at });
  }
  return marks;
}
