import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender, Place } from '../contender.ts';
import { percentile } from '../measure.ts';

/** The program's own commit times, replicated by a contender, or by nobody. */
export async function commitLatency(
  contender: Contender | undefined,
  place: Place,
  count: number,
  pauseBetween: number,
): Promise<{ readonly p50: number; readonly p99: number }> {
  const file = join(place.folder, 'commits.txt');
  const writer = join(import.meta.dirname, '../writer.mjs');
  const command = [process.execPath, writer, place.database, String(count), String(pauseBetween), file];
  const child: ChildProcess =
    contender?.run(place, command) ?? spawn(command[0] as string, command.slice(1), { stdio: 'ignore' });
  await once(child, 'exit');
  const took = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => Number(line.split(' ')[2]));
  return { p50: percentile(took, 0.5), p99: percentile(took, 0.99) };
}
