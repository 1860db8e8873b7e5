import type { Milliseconds } from '../quantities.ts';
import { milliseconds } from '../quantities.ts';
import type { Judgement } from './judge-lease.ts';

export interface LeftAloneOptions {
  /** Rejects where the store does not answer: then nothing is known. */
  readonly look: () => Promise<Judgement>;
  /** Of the lease. */
  readonly duration: Milliseconds;
  readonly monotonic: () => Milliseconds;
  readonly sleep: (duration: Milliseconds) => Promise<void>;
}

/**
 * Resolves once nobody has held a lease for the whole of its duration, from the first look that found it free to the last
 * one; never otherwise. Who asked for a hand-over takes the lease within about a second: by then it is dead, or what it
 * was to start has failed.
 */
export async function untilLeftAlone({ look, duration, monotonic, sleep }: LeftAloneOptions): Promise<void> {
  let freeSince: Milliseconds | undefined;
  for (;;) {
    await sleep(milliseconds(Math.ceil(duration / 3)));
    const judged = await look().catch(() => undefined);
    if (judged === undefined) continue;
    const now = monotonic();
    freeSince = isFree(judged) ? (freeSince ?? now) : undefined;
    if (freeSince !== undefined && now - freeSince >= duration) return;
  }
}

/** On this disk, or in this place, there is none but us: then it is not free but in hands that we do not know. */
function isFree(judged: Judgement): boolean {
  return judged.kind === 'free' && judged.why !== 'own-disk' && judged.why !== 'own-place';
}
