import type { ConditionSupport, S3Provider } from './providers.ts';
import type { S3StoreSettings } from './settings.ts';

/** What a second put costs at most, in bytes; larger objects leave the question open. */
const SMALL = 64 * 1024;
const MOST_TRIALS = 3;

/** What is known of how a store takes create-only puts: from the table of providers at first, then from what it does. */
export interface CreateOnlyKnowledge {
  readonly support: ConditionSupport;
  learn(support: ConditionSupport, why: string): void;
  /** Whether to send an object a second time to find out; counts the trials. */
  tryIt(size: number): boolean;
}

export function startCreateOnlyKnowledge(provider: S3Provider, settings: S3StoreSettings): CreateOnlyKnowledge {
  let support: ConditionSupport = settings.emulateCreateOnly ? provider.createOnly : 'unknown';
  let trials = 0;
  const tell = (why: string) => {
    if (support === 'ignored' || support === 'refused') settings.unableToFence?.(why);
  };
  tell(`${provider.name} ${support === 'ignored' ? 'ignores' : 'refuses'} create-only puts`);
  return {
    get support() {
      return support;
    },
    learn: (learnt, why) => {
      if (learnt === support) return;
      support = learnt;
      tell(why);
    },
    tryIt: (size) => {
      if (support !== 'unknown' || settings.unableToFence === undefined || size > SMALL) return false;
      trials += 1;
      return trials <= MOST_TRIALS;
    },
  };
}
