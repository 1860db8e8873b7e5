import { defineConfig } from 'vitest/config';

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
    reporters: process.env['CI'] ? ['default', ['json', { outputFile: '.cache/vitest.json' }]] : ['default'],
  },
});
