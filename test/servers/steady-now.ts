/** The time of this machine, also while a test shows its own process another one. */
export function steadyNow(): number {
  return performance.timeOrigin + performance.now();
}
