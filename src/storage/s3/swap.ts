import type { ConditionSupport, S3Provider } from './providers.ts';
import type { S3StoreSettings } from './settings.ts';

/** How a store wants the ETag in If-Match: as it gave it, or without its quotes, as Ceph 16 does. */
export type EtagForm = 'quoted' | 'bare';

/** What is known of how a store takes If-Match on a put: from the table of providers at first, then from what it does. */
export interface SwapKnowledge {
  readonly support: ConditionSupport;
  form: EtagForm;
  learn(support: ConditionSupport, why: string): void;
  /** Whether to find out now, by a put of a state that is not there. */
  readonly tryIt: boolean;
}

/** Says nothing before the first use: replicas without a lease do not need it. */
export function startSwapKnowledge(provider: S3Provider, settings: S3StoreSettings): SwapKnowledge {
  let support: ConditionSupport = settings.emulateCreateOnly ? provider.swap : 'unknown';
  return {
    form: 'quoted',
    get support() {
      return support;
    },
    get tryIt() {
      return support === 'unknown' && settings.unableToFence !== undefined;
    },
    learn: (learnt, why) => {
      support = learnt;
      if (learnt === 'ignored' || learnt === 'refused') settings.unableToFence?.(why);
    },
  };
}

export const etagIn = (form: EtagForm, etag: string): string =>
  form === 'bare' ? etag.replace(/^"(.*)"$/, '$1') : etag;
