import { setTimeout as pause } from 'node:timers/promises';
import { StationError, toStationError } from '../errors.ts';
import { type Milliseconds, milliseconds } from '../quantities.ts';
import type { Step, StepReport } from './step.ts';

export interface StepLimits {
  /** Longest time for one step. */
  readonly patience: Milliseconds;
  readonly monotonicClock: () => Milliseconds;
}

/** Tries the steps in order. One that fails takes with it those that need it, and no others. Never rejects. */
export async function runSteps<Context>(
  steps: readonly Step<Context>[],
  context: Context,
  limits: StepLimits,
): Promise<readonly StepReport[]> {
  const reports: StepReport[] = [];
  /** By the name of a step that cannot be built on: the one that failed first. */
  const missing = new Map<string, string>();
  for (const step of steps) {
    const cause = step.needs.map((name) => missing.get(name)).find((name) => name !== undefined);
    const report: StepReport =
      cause === undefined
        ? { step: step.name, outcome: await runStep(step, context, limits) }
        : { step: step.name, outcome: { kind: 'skipped', detail: `${cause} failed` } };
    if (cause !== undefined) missing.set(step.name, cause);
    else if (report.outcome.kind === 'failed') missing.set(step.name, step.name);
    reports.push(report);
  }
  return reports;
}

async function runStep<Context>(
  step: Step<Context>,
  context: Context,
  { patience, monotonicClock }: StepLimits,
): Promise<StepReport['outcome']> {
  const started = monotonicClock();
  const over = new AbortController();
  const elapsed = () => milliseconds(Math.round(monotonicClock() - started));
  try {
    const work = step.run(context, over.signal);
    // What is given up on may still fail later, when nobody listens any more.
    work.catch(() => {});
    const detail = await Promise.race([work, tooLong(milliseconds(patience * (step.slowness ?? 1)), over.signal)]);
    if (typeof detail !== 'string') return { kind: 'skipped', detail: detail.notApplicable };
    return { kind: 'ok', detail, elapsed: elapsed() };
  } catch (error) {
    const { code, message, hint } = toStationError(error);
    return { kind: 'failed', code, detail: message, hint, elapsed: elapsed() };
  } finally {
    over.abort();
  }
}

async function tooLong(patience: Milliseconds, signal: AbortSignal): Promise<never> {
  await pause(patience, undefined, { signal });
  throw new StationError('STORAGE_UNREACHABLE', `no answer within ${patience / 1000} s`, {
    hint: 'something on the way takes the request and does not answer: a firewall, a proxy, or the store itself',
  });
}
