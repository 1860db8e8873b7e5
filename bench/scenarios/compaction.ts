import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Contender, type Place, stop } from '../contender.ts';
import { cpuSeconds, memory, pause } from '../measure.ts';

/** What a commit adds, in bytes: so that merging is work. */
const COMMIT_SIZE = 40_000;

export interface CompactionFigures {
  readonly cpuMilliseconds: number;
  readonly megabytes: number;
  /** Files at level 1 at the end. */
  readonly merged: number;
}

/** Processor time and most memory of the replicating process while a program commits twenty times a second. */
export async function compaction(
  contender: Contender,
  place: Place,
  levels: readonly string[],
  seconds: number,
): Promise<CompactionFigures> {
  const pauseBetween = 50;
  const writer = [
    process.execPath,
    join(import.meta.dirname, '../writer.mjs'),
    place.database,
    String(Math.ceil((seconds * 1000) / pauseBetween)),
    String(pauseBetween),
    join(place.folder, 'commits.txt'),
    String(COMMIT_SIZE),
  ];
  const child = contender.run({ ...place, levels }, writer);
  const ended = once(child, 'exit');
  let running = true;
  void ended.then(() => {
    running = false;
  });
  // Before the program begins to commit: what starting up costs is another question.
  await pause(1_200);
  const begun = cpuSeconds(child.pid ?? 0);
  let cpu = begun;
  let megabytes = 0;
  while (running) {
    try {
      cpu = Math.max(cpu, cpuSeconds(child.pid ?? 0));
      megabytes = Math.max(megabytes, memory(child.pid ?? 0).most);
    } catch {
      // It has just ended.
    }
    await Promise.race([pause(50), ended]);
  }
  await stop(child);
  return {
    cpuMilliseconds: (cpu - begun) * 1000,
    megabytes,
    merged: mergedIn(join(place.folder, 'replica', 'ltx', '1')),
  };
}

function mergedIn(folder: string): number {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.ltx')).length;
  } catch {
    return 0;
  }
}
