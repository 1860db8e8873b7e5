import { defineConfig } from 'vitest/config';
import type { Reporter } from 'vitest/node';

const secondTries: string[] = [];

/** A test that passed at its second try is a race to be mended: it is told by name, at the very end. */
const tellOfSecondTries: Reporter = {
  onTestCaseResult: (test) => {
    if (test.diagnostic()?.flaky === true) secondTries.push(`${test.module.relativeModuleId}: ${test.fullName}`);
  },
  onTestRunEnd: () => {
    if (secondTries.length > 0) console.log(`PASSED AT A SECOND TRY:\n${secondTries.join('\n')}`);
  },
};

/** SQLite's locks belong to a process, so every test file gets a process of its own. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // Only a hang lasts this long, on a machine however busy: a gigabyte is written and read in some tests.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 10_000,
    // Hundreds of tests race real processes on whatever machine CI has. Those of what kill -9 loses or doubles have no second try.
    retry: process.env['CI'] ? 1 : 0,
    reporters: process.env['CI']
      ? ['default', ['json', { outputFile: '.cache/vitest.json' }], tellOfSecondTries]
      : ['default'],
  },
});
