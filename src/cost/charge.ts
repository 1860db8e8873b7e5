import type { Bytes } from '../quantities.ts';
import type { PriceList, Requests } from './prices.ts';

export const GIGABYTE = 1e9;

/** USD a month. */
export interface Charge {
  readonly requests: number;
  readonly storage: number;
}

/**
 * What a month of these requests and of so much stored costs.
 * @param share of the account's free allowances, 0 to 1: all replicas with one provider have them together
 */
export function charge(prices: PriceList, requests: Requests, stored: Bytes, share: number): Charge {
  const ofRequests = prices.classes.map(({ of, perThousand, free }) => {
    const made = of.reduce((sum, kind) => sum + requests[kind], 0);
    return (Math.max(0, made - free * share) * perThousand) / 1000;
  });
  return {
    requests: ofRequests.reduce((sum, price) => sum + price, 0),
    storage: Math.max(0, stored / GIGABYTE - prices.freeGigabytes * share) * prices.gigabyteMonth,
  };
}

/** The same with nothing free: what the upper bound counts with. */
export function chargeInFull(prices: PriceList, requests: Requests, stored: Bytes): Charge {
  return charge(prices, requests, stored, 0);
}
