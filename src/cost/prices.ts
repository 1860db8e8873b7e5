/**
 * The requests that replication makes while it runs and that a store may bill: uploads (parts count one by one), and the
 * listings that look for a key where a store has no create-only puts. Deletions are free everywhere.
 */
export interface Requests {
  readonly puts: number;
  readonly lists: number;
}

/** Requests that share one price and one free allowance. */
interface RequestClass {
  readonly of: readonly (keyof Requests)[];
  /** USD. */
  readonly perThousand: number;
  /** Requests a month that cost nothing, for the whole account. */
  readonly free: number;
}

/** What one provider asks for, in USD, before taxes and discounts. */
export interface PriceList {
  /** With the storage class and the region that the prices are of. */
  readonly name: string;
  readonly classes: readonly RequestClass[];
  /** USD for 1 GB (10^9 bytes) kept for a month. */
  readonly gigabyteMonth: number;
  /** GB that cost nothing, for the whole account. */
  readonly freeGigabytes: number;
  /** When the prices were read: `YYYY-MM` or `YYYY-MM-DD`. */
  readonly date: string;
  /** The provider's own page, to look again; and where the numbers were taken from, if not there. */
  readonly source: string;
}

const one = (perThousand: number, free = 0): readonly RequestClass[] => [{ of: ['puts', 'lists'], perThousand, free }];

export const awsS3: PriceList = {
  name: 'AWS S3 Standard, us-east-1',
  classes: one(0.005),
  gigabyteMonth: 0.023,
  freeGigabytes: 0,
  date: '2026-06',
  source: 'https://aws.amazon.com/s3/pricing/, as quoted by zeropg’s cost model',
};

/** Its free allowance holds in three regions of the United States only, so it is not counted. */
export const googleCloudStorage: PriceList = {
  name: 'Google Cloud Storage Standard, us-central1',
  classes: one(0.005),
  gigabyteMonth: 0.02,
  freeGigabytes: 0,
  date: '2026-09-20',
  source: 'https://cloud.google.com/storage/pricing, as transcribed by api-evangelist',
};

export const azureBlob: PriceList = {
  name: 'Azure Blob Hot LRS, East US',
  classes: one(0.0055),
  gigabyteMonth: 0.0184,
  freeGigabytes: 0,
  date: '2026-05',
  source: 'https://azure.microsoft.com/pricing/details/storage/blobs/, as transcribed by api-evangelist',
};

const cloudflareR2: PriceList = {
  name: 'Cloudflare R2 Standard',
  classes: one(0.0045, 1_000_000),
  gigabyteMonth: 0.015,
  freeGigabytes: 10,
  date: '2026-11',
  source: 'https://developers.cloudflare.com/r2/pricing/',
};

const tigris: PriceList = {
  name: 'Tigris Standard',
  classes: one(0.005, 10_000),
  gigabyteMonth: 0.02,
  freeGigabytes: 5,
  date: '2026-06',
  source: 'https://www.tigrisdata.com/pricing/, as quoted by zeropg’s cost model',
};

/**
 * Uploads are free; listings, of which each of our uploads needs one there, are class C: 2,500 a day are free. The price
 * of storage is about right: it is per TB, and was raised more than once.
 */
const backblazeB2: PriceList = {
  name: 'Backblaze B2',
  classes: [
    { of: ['puts'], perThousand: 0, free: 0 },
    { of: ['lists'], perThousand: 0.004, free: 2_500 * 30 },
  ],
  gigabyteMonth: 0.006,
  freeGigabytes: 0,
  date: '2026-11',
  source: 'https://www.backblaze.com/cloud-storage/transaction-pricing',
};

/** By the provider's name in the table of S3 lookalikes. */
export const s3PriceLists: ReadonlyMap<string, PriceList> = new Map([
  ['AWS S3', awsS3],
  ['Cloudflare R2', cloudflareR2],
  ['Tigris', tigris],
  ['Backblaze B2', backblazeB2],
]);
