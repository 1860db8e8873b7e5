import { setTimeout as pause } from 'node:timers/promises';

/** Waits so many milliseconds. @throws the signal's own reason on abort, at once */
export async function wait(duration: number, signal: AbortSignal): Promise<void> {
  await pause(duration, undefined, { signal }).catch(() => undefined);
  signal.throwIfAborted();
}

/** Resolves to 'aborted' once the signal aborts, to be raced against what must not outlast it; never otherwise. */
export function aborted(signal: AbortSignal): Promise<'aborted'> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve('aborted');
    signal.addEventListener('abort', () => resolve('aborted'), { once: true });
  });
}
