import { probeReplica } from '../../src/doctor/probe-replica.ts';
import { milliseconds } from '../../src/quantities.ts';
import type { StoreOptions } from '../../src/storage/store-options.ts';
import { monotonicClock } from '../../src/supervisor/clock.ts';

/** Probes one replica, and gives back up all steps with what came of them. */
export async function probed(store: StoreOptions, patience = 10_000) {
  const report = await probeReplica(
    { name: 'replica', store },
    {
      patience: milliseconds(patience),
      wallClock: () => milliseconds(Date.now()),
      monotonicClock,
      settings: { attempts: 1 },
    },
  );
  const outcomes = new Map(report.steps.map(({ step, outcome }) => [step, outcome]));
  return {
    report,
    kinds: Object.fromEntries(report.steps.map(({ step, outcome }) => [step, outcome.kind])),
    detail: (step: string) => outcomes.get(step)?.detail,
    failure: (step: string) => {
      const outcome = outcomes.get(step);
      if (outcome?.kind !== 'failed') throw new Error(`${step} did not fail: ${outcome?.kind}`);
      return outcome;
    },
  };
}

/** All went well. */
export const sound = {
  resolve: 'ok',
  connect: 'ok',
  authenticate: 'ok',
  put: 'ok',
  read: 'ok',
  'round-trip': 'ok',
  'create-only': 'ok',
  'in-parts': 'ok',
  'compare-and-swap': 'ok',
  list: 'ok',
  clock: 'ok',
  delete: 'ok',
  deleted: 'ok',
};

/** Everything from this step on was skipped. */
export function skippedFrom(first: string): Record<string, string> {
  const names = Object.keys(sound);
  return Object.fromEntries(names.slice(names.indexOf(first)).map((name) => [name, 'skipped']));
}
