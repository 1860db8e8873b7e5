/** Those that ask the application to end. Each is passed on once: many programs take a second one as "at once". */
export const stopSignals = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const satisfies readonly NodeJS.Signals[];

/** Those with whatever meaning the application gives them; each arrival is passed on. */
export const otherSignals = [
  'SIGHUP',
  'SIGUSR1',
  'SIGUSR2',
  'SIGWINCH',
  'SIGCONT',
] as const satisfies readonly NodeJS.Signals[];

export function isStopSignal(signal: NodeJS.Signals): boolean {
  return (stopSignals as readonly NodeJS.Signals[]).includes(signal);
}

/**
 * With no child to leave the decision to, SIGHUP ends as well, which is what it does to a program that says nothing.
 */
export function isStopSignalWithoutChild(signal: NodeJS.Signals): boolean {
  return isStopSignal(signal) || signal === 'SIGHUP';
}

/**
 * Hands every signal to `receive`, from now until the returned function is called. Listeners that others have set
 * for them (the launcher's, as PID 1) are replaced.
 *
 * Node keeps SIGUSR1 for its inspector, which would open a debugging port in a production container; a listener
 * takes that away.
 */
export function receiveSignals(receive: (signal: NodeJS.Signals) => void): () => void {
  const signals: readonly NodeJS.Signals[] = [...stopSignals, ...otherSignals];
  for (const signal of signals) {
    const earlier = process.listeners(signal);
    process.on(signal, receive);
    // Only now: with its last listener Node also drops a signal that has arrived and not been handed out yet.
    for (const listener of earlier) process.removeListener(signal, listener);
  }
  return () => {
    for (const signal of signals) process.removeListener(signal, receive);
  };
}
