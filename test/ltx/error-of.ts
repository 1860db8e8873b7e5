import { StationError } from '../../src/errors.ts';

/** The StationError that `action` throws. Anything else it throws, or nothing, fails the test. */
export function errorOf(action: () => unknown): StationError {
  try {
    action();
  } catch (error) {
    if (error instanceof StationError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
