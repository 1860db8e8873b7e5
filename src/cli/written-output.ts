import { StationError } from '../errors.ts';

/** Watches standard output from the start: a write that fails is told of by an event, and a later one by none. */
export function watchOutput(): () => Promise<StationError | undefined> {
  let failure: Error | undefined;
  process.stdout.on('error', (error) => {
    failure ??= error;
  });
  return async () => {
    await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
    // Whoever reads only the first lines has what it wanted.
    if (failure === undefined || ('code' in failure && failure.code === 'EPIPE')) return undefined;
    return new StationError('OUTPUT_FAILED', `standard output could not be written: ${failure.message}`, {
      cause: failure,
    });
  };
}
