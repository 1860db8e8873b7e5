/** Instances that fight over one replica, by every means there is, and what is left of their rows. */
import { expect, test } from 'vitest';
import { FightArena } from './support/fight-arena.ts';
import { openFightReplica } from './support/fight-replica.ts';

/**
 * `FIGHT_SEED=… FIGHT_ROUNDS=…` makes the same choices again, or fights longer: the rounds are shared out over the arenas,
 * each with a seed of its own (FIGHT_SEED, +1, +2, …). When things happen is up to the machine.
 */
const rounds = Number(process.env['FIGHT_ROUNDS'] ?? (process.env['CI'] === undefined ? 60 : 120));
const seed = Number(process.env['FIGHT_SEED'] ?? Math.floor(Math.random() * 1e9));

/** `share`: of the rounds. */
const arenas = [
  { kind: 'file', instances: 2, share: 0.2 },
  { kind: 'file', instances: 3, share: 0.2 },
  { kind: 's3', instances: 2, share: 0.2 },
  { kind: 's3', instances: 3, share: 0.2 },
  { kind: 'gcs', instances: 2, share: 0.1 },
  { kind: 'azure', instances: 2, share: 0.1 },
] as const;
const only = process.env['FIGHT_ONLY'];

test(`${rounds} rounds of instances fighting over one replica leave one history, and no loser that says otherwise`, {
  timeout: 120_000 + rounds * 4_000,
}, async () => {
  console.log(`FIGHT_SEED=${seed} FIGHT_ROUNDS=${rounds}`);
  const began = performance.now();
  const chosen = arenas
    .map((arena, index) => ({ ...arena, index }))
    .filter(({ kind }) => only === undefined || kind === only);
  const fought = await Promise.allSettled(
    chosen.map(async ({ kind, instances, share, index }) => {
      const arena = new FightArena(`${kind} with ${instances}`, await openFightReplica(kind, instances), seed + index);
      try {
        await arena.fight(Math.ceil(rounds * share));
        const overlap = arena.longestOverlap();
        console.log(
          `${arena.name}: ${arena.takeovers()} acquisitions, ${arena.judge.history.length} rows, ` +
            `${arena.judge.keptFolders} dated folders, overlap ${overlap} ms\n` +
            `${JSON.stringify(Object.fromEntries([...arena.acts].sort()))}\n` +
            JSON.stringify(Object.fromEntries([...arena.judge.ends].sort())),
        );
        expect(overlap, 'ms in which two instances served though both could see who is to').toBeLessThan(5_000);
        return arena;
      } finally {
        await arena.close();
      }
    }),
  );
  console.log(`${((performance.now() - began) / 1000).toFixed(0)} s`);
  const failures = fought.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
  if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join('\n\n'));
  const ends = fought.flatMap((outcome) =>
    outcome.status === 'fulfilled' ? [...outcome.value.judge.ends.keys()] : [],
  );
  // Enough rounds for losers, whatever the seed.
  if (rounds >= 100) expect(ends.filter((end) => end.startsWith('76 fenced'))).not.toHaveLength(0);
});
