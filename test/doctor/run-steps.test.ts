import { expect, it, vi } from 'vitest';
import { runSteps } from '../../src/doctor/run-steps.ts';
import type { Step } from '../../src/doctor/step.ts';
import { StationError } from '../../src/errors.ts';
import { milliseconds } from '../../src/quantities.ts';
import { monotonicClock } from '../../src/supervisor/clock.ts';

const step = (name: string, needs: readonly string[], run: Step<undefined>['run'] = async () => name) => ({
  name,
  needs,
  run,
});
const outcomes = async (steps: readonly Step<undefined>[], patience = 10_000) => {
  const reports = await runSteps(steps, undefined, { patience: milliseconds(patience), monotonicClock });
  return reports.map((report) => `${report.step} ${report.outcome.kind}: ${report.outcome.detail}`);
};
const fails = async () => {
  throw new StationError('STORAGE_DENIED', 'no');
};

it('a step that fails takes with it what needs it, however far, and nothing else', async () => {
  const steps = [step('a', []), step('b', ['a'], fails), step('c', ['b']), step('d', ['c']), step('e', ['a'])];
  expect(await outcomes(steps)).toEqual([
    'a ok: a',
    'b failed: no',
    'c skipped: b failed',
    'd skipped: b failed',
    'e ok: e',
  ]);
});

it('what does not apply stands in nobody’s way', async () => {
  const steps = [step('a', [], async () => ({ notApplicable: 'a folder' })), step('b', ['a'])];
  expect(await outcomes(steps)).toEqual(['a skipped: a folder', 'b ok: b']);
});

it('a step that never ends is given up, and told so', async () => {
  const aborted = vi.fn();
  const hangs: Step<undefined>['run'] = (_, signal) => new Promise(() => signal.addEventListener('abort', aborted));
  expect(await outcomes([step('a', [], hangs), step('b', ['a'])], 50)).toEqual([
    'a failed: no answer within 0.05 s',
    'b skipped: a failed',
  ]);
  expect(aborted).toHaveBeenCalledOnce();
});

it('a bug in a step is a failure of that step', async () => {
  const breaks: Step<undefined>['run'] = async () => JSON.parse('{');
  expect((await outcomes([step('a', [], breaks), step('b', [])])).at(1)).toBe('b ok: b');
});
