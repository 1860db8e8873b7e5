import { describe, expect, it } from 'vitest';
import { charge } from '../../src/cost/charge.ts';
import { pricedStore } from '../../src/cost/priced-store.ts';
import type { PriceList, Requests } from '../../src/cost/prices.ts';
import { bytes } from '../../src/quantities.ts';
import type { StoreOptions } from '../../src/storage/store-options.ts';
import { abs, gs, s3 } from './stores.ts';

const SECONDS_A_MONTH = 30 * 86_400;
const gigabytes = (count: number) => bytes(count * 1e9);

function pricesOf(store: StoreOptions): PriceList {
  const { prices } = pricedStore(store, {});
  if (prices === undefined) throw new Error('no prices');
  return prices;
}
const aws = s3();
const r2 = s3({ endpoint: 'https://account.r2.cloudflarestorage.com' });
const tigris = s3({ endpoint: 'https://t3.storage.dev' });
const b2 = s3({ endpoint: 'https://s3.us-west-004.backblazeb2.com' });

const ofRequests = (store: StoreOptions, requests: Partial<Requests>, share = 1) =>
  charge(pricesOf(store), { puts: 0, lists: 0, ...requests }, bytes(0), share).requests;
const ofStorage = (store: StoreOptions, size: number, share = 1) =>
  charge(pricesOf(store), { puts: 0, lists: 0 }, gigabytes(size), share).storage;

describe('a month of requests', () => {
  it.each([
    ['S3', aws, 12.96],
    ['Google Cloud Storage', gs(), 12.96],
    ['Azure', abs(), 14.256],
    ['R2, of which the first million is free', r2, 7.164],
    ['Tigris, of which the first ten thousand are free', tigris, 12.91],
    ['B2, where uploads are free', b2, 0],
  ])('at one upload a second without a pause, on %s', (_, store, dollars) => {
    expect(ofRequests(store, { puts: SECONDS_A_MONTH })).toBeCloseTo(dollars, 6);
  });

  it('at one upload in ten seconds is a tenth', () => {
    expect(ofRequests(aws, { puts: SECONDS_A_MONTH / 10 })).toBeCloseTo(1.296, 6);
    expect(ofRequests(r2, { puts: SECONDS_A_MONTH / 10 })).toBe(0);
  });

  it('of listings costs as much as of uploads, where they are of one class, and has one allowance with them', () => {
    expect(ofRequests(aws, { lists: SECONDS_A_MONTH })).toBeCloseTo(12.96, 6);
    expect(ofRequests(r2, { puts: 900_000, lists: 900_000 })).toBeCloseTo(3.6, 6);
  });

  it('of listings is what B2 charges for, beyond 2,500 a day', () => {
    expect(ofRequests(b2, { puts: SECONDS_A_MONTH, lists: SECONDS_A_MONTH })).toBeCloseTo(10.068, 6);
  });

  it('shares the free allowance with the other replicas of the account', () => {
    expect(ofRequests(r2, { puts: 1_000_000 }, 0.5)).toBeCloseTo(2.25, 6);
  });
});

describe('a month of storage', () => {
  it.each([
    ['S3', aws, 2.3],
    ['Google Cloud Storage', gs(), 2],
    ['Azure', abs(), 1.84],
    ['R2, of which 10 GB are free', r2, 1.35],
    ['Tigris, of which 5 GB are free', tigris, 1.9],
    ['B2', b2, 0.6],
  ])('of 100 GB on %s', (_, store, dollars) => {
    expect(ofStorage(store, 100)).toBeCloseTo(dollars, 6);
  });

  it('never goes below nothing', () => {
    expect(ofStorage(r2, 1)).toBe(0);
  });
});

describe('a price list', () => {
  it('says when its prices were read, and where they are to be found', () => {
    for (const store of [aws, gs(), abs(), r2, tigris, b2]) {
      expect(pricesOf(store).date).toMatch(/^20\d\d-\d\d(-\d\d)?$/);
      expect(pricesOf(store).source).toMatch(/^https:\/\//);
    }
  });
});
