/** Those that ask the application to end. Each is passed on once: many programs take a second one as "at once". */
export const stopSignals = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const satisfies readonly NodeJS.Signals[];

/**
 * Those with whatever meaning the application gives them; each arrival is passed on.
 *
 * SIGTSTP, too, is only passed on: a supervisor that Ctrl-Z suspends would let the child commit what nobody replicates.
 *
 * What is left out, and why:
 * - KILL and STOP, and the real-time signals: Node cannot receive them.
 * - CHLD: it tells of our own child.
 * - SEGV, BUS, FPE, ILL, TRAP, SYS, ABRT: a fault of this very process, after which no JavaScript may run.
 * - PIPE, XFSZ, TTIN, TTOU: what the kernel answers to our own reads and writes.
 * - PROF: Node's own profiler, where it is on, sends it to this process a thousand times a second.
 */
export const otherSignals = [
  'SIGHUP',
  'SIGUSR1',
  'SIGUSR2',
  'SIGWINCH',
  'SIGCONT',
  'SIGALRM',
  'SIGVTALRM',
  'SIGPWR',
  'SIGURG',
  'SIGIO',
  'SIGSTKFLT',
  'SIGXCPU',
  'SIGTSTP',
] as const satisfies readonly NodeJS.Signals[];

/** Everything that is received and passed on. */
export const forwardedSignals: readonly NodeJS.Signals[] = [...stopSignals, ...otherSignals];

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
  for (const signal of forwardedSignals) {
    const earlier = process.listeners(signal);
    process.on(signal, receive);
    // Only now: with its last listener Node also drops a signal that has arrived and not been handed out yet.
    for (const listener of earlier) process.removeListener(signal, listener);
  }
  return () => {
    for (const signal of forwardedSignals) process.removeListener(signal, receive);
  };
}

/** From now on they mean nothing. */
export function ignoreSignals(): void {
  for (const signal of forwardedSignals) process.on(signal, () => {});
}
