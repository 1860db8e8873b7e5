import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender, Place } from '../contender.ts';
import { cpuSeconds, memory, pause, percentile } from '../measure.ts';

export interface RestoreFigures {
  readonly seconds: number;
  /** Most memory of any run, in MB. */
  readonly megabytes: number;
  readonly cpuSeconds: number;
}

/**
 * Restores what the place's replica holds with each in turn, `rounds` times, each round begun by another: the disk is
 * slower after whoever went before. The medians. What they restored must be the same, byte for byte.
 */
export async function compareRestores(
  contenders: readonly Contender[],
  place: Place,
  rounds: number,
): Promise<readonly RestoreFigures[]> {
  const runs: RestoreFigures[][] = contenders.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    const outputs: string[] = [];
    for (const [index, contender] of rotated([...contenders.entries()], round)) {
      const output = join(place.folder, `restored-${index}-${round}.db`);
      runs[index]?.push(await restoreOnce(contender, place, output));
      outputs.push(output);
    }
    for (const output of outputs.slice(1)) expectSame(outputs[0] ?? '', output);
    for (const output of outputs) rmSync(output);
  }
  return runs.map((figures) => ({
    seconds: percentile(
      figures.map((one) => one.seconds),
      0.5,
    ),
    cpuSeconds: percentile(
      figures.map((one) => one.cpuSeconds),
      0.5,
    ),
    megabytes: Math.max(...figures.map((one) => one.megabytes)),
  }));
}

function rotated<T>(items: readonly T[], by: number): readonly T[] {
  const first = by % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}

async function restoreOnce(contender: Contender, place: Place, output: string): Promise<RestoreFigures> {
  // What earlier runs left to the disk must not be written at this one's cost.
  spawnSync('sync');
  const begun = performance.now();
  const child = contender.restore(place, output);
  let megabytes = 0;
  let cpu = 0;
  let running = true;
  const ended = once(child, 'exit').then(([code]) => {
    running = false;
    if (code !== 0) throw new Error(`${contender.name} ended with ${code}`);
  });
  while (running) {
    try {
      megabytes = Math.max(megabytes, memory(child.pid ?? 0).most);
      cpu = Math.max(cpu, cpuSeconds(child.pid ?? 0));
    } catch {
      // It has just ended.
    }
    await Promise.race([pause(20), ended]);
  }
  await ended;
  return { seconds: (performance.now() - begun) / 1000, megabytes, cpuSeconds: cpu };
}

function expectSame(one: string, other: string): void {
  const { status, stdout, stderr } = spawnSync('cmp', [one, other]);
  if (status !== 0) throw new Error(`what was restored differs: ${stdout}${stderr}`);
}
