/**
 * What a store does with a conditional put (If-None-Match: *, If-Match), which is what stops a second writer:
 * `honoured`; `ignored`, it overwrites and says 200; `refused`, it answers NotImplemented; `unknown`, find out.
 */
export type ConditionSupport = 'honoured' | 'ignored' | 'refused' | 'unknown';

/** What one S3 lookalike needs. A key that the user gave wins over each of these. */
export interface S3Provider {
  readonly name: string;
  /** Of the endpoint's host name, in lower case. Named group `region`: where the host says it. */
  readonly host: RegExp;
  readonly pathStyle: boolean;
  /** The region to sign for where neither the user nor the host names one. */
  readonly region: string;
  readonly createOnly: ConditionSupport;
  /** Of a put that replaces one state of an object (If-Match), as a lease's does. */
  readonly swap: ConditionSupport;
  /** Its deletes were seen to be answered with success and not done: list afterwards. */
  readonly verifyDeletes: boolean;
  /** Parts of one upload at a time; undefined: our default. */
  readonly concurrency: number | undefined;
  /** Parts that one object may have. */
  readonly mostParts: number;
  /** The SDK's CRC32 on every put, which AWS wants; all others get what S3 has always had (see `usual`). */
  readonly checksums: boolean;
  /** What DeleteObjects must carry. */
  readonly deleteChecksum: 'crc32' | 'md5';
  readonly headers: Readonly<Record<string, string>>;
  /** The incident or the document behind each thing that is not usual. */
  readonly because: readonly string[];
}

/**
 * A store nobody told us about: MinIO, Ceph, Garage, SeaweedFS, RustFS on a host of one's own.
 *
 * Path style: few have a wildcard DNS name and certificate. No checksums beyond S3's old ones: rqlite #2699, and
 * nativelink #2767 for Oracle; for what stays, DeleteObjects needs Content-MD5 (aws-sdk-js-v3 #6920). None ever gets
 * `Content-Encoding: aws-chunked`, which R2, Spaces, Hetzner and Scaleway refuse (litestream #912, #918, #943, #948):
 * our bodies have a length, and without checksums the SDK then sends them as they are, signed.
 */
const usual: Omit<S3Provider, 'name' | 'host'> = {
  pathStyle: true,
  region: 'us-east-1',
  createOnly: 'unknown',
  swap: 'unknown',
  verifyDeletes: false,
  concurrency: undefined,
  mostParts: 10_000,
  checksums: false,
  deleteChecksum: 'md5',
  headers: {},
  because: [],
};

type Row = Partial<S3Provider> & Pick<S3Provider, 'name' | 'host'>;

export const aws: S3Provider = {
  ...usual,
  name: 'AWS S3',
  host: /(?:^|\.)amazonaws\.com(?:\.cn)?$/,
  pathStyle: false,
  createOnly: 'honoured',
  swap: 'honoured',
  checksums: true,
  deleteChecksum: 'crc32',
  because: ['AWS S3 user guide, "conditional writes" (create-only August 2024, If-Match November 2024)'],
};

const rows: readonly Row[] = [
  {
    name: 'Cloudflare R2',
    host: /\.r2\.cloudflarestorage\.com$/,
    region: 'auto',
    createOnly: 'honoured',
    swap: 'honoured',
    verifyDeletes: true,
    concurrency: 2,
    because: [
      'swap: the same page of its docs; If-Match fails where the key is missing',
      'create-only: Cloudflare R2 docs, "conditional operations" of PutObject and CompleteMultipartUpload',
      'deletes: DeleteObjects answered 200 and the objects stayed (litestream #976, litestream.io #222)',
      'concurrency: 500 InternalError for more than 2 or 3 parts at a time (litestream #912, #951)',
      'equal parts, which ours are (apache/arrow #34363)',
    ],
  },
  {
    name: 'Tigris',
    host: /(?:^|\.)(?:tigris\.dev|t3\.storage\.dev)$/,
    region: 'auto',
    createOnly: 'honoured',
    swap: 'honoured',
    deleteChecksum: 'crc32',
    headers: { 'x-tigris-consistent': 'true' },
    because: [
      'swap: Tigris docs, "conditional operations"; run live by zeropg’s survey of stores',
      'create-only and the header, by which the leader decides and not a cache: Tigris docs, "conditional operations"',
      'no Content-MD5: litestream docs/PROVIDER_COMPATIBILITY.md',
    ],
  },
  {
    name: 'Backblaze B2',
    host: /(?:^|\.)s3\.(?<region>[a-z0-9-]+)\.backblazeb2\.com$/,
    createOnly: 'refused',
    swap: 'refused',
    because: [
      'swap: 501 (zeropg’s survey of stores)',
      'create-only: 501 Not Implemented (lance #5614, obsidian-s3-sync-and-backup #78)',
    ],
  },
  {
    name: 'DigitalOcean Spaces',
    host: /(?:^|\.)(?<region>[a-z0-9]+)\.digitaloceanspaces\.com$/,
    pathStyle: false,
    because: ['bucket in the host name: litestream #943'],
  },
  {
    name: 'Hetzner Object Storage',
    host: /(?:^|\.)(?<region>[a-z0-9]+)\.your-objectstorage\.com$/,
    because: ['create-only: Ceph, where it depends on the version'],
  },
  {
    name: 'Wasabi',
    host: /(?:^|\.)s3(?:\.(?<region>[a-z]+(?:-[a-z]+)+-\d+))?\.wasabisys\.com$/,
  },
  {
    name: 'Scaleway',
    host: /(?:^|\.)s3\.(?<region>[a-z]+-[a-z]+)\.scw\.cloud$/,
    createOnly: 'honoured',
    swap: 'honoured',
    mostParts: 1000,
    because: [
      'create-only and swap: Scaleway docs, "using conditional writes" (July 2026)',
      'parts: Scaleway docs, "multipart uploads" (zfs_uploader #61, gitlab #426260)',
    ],
  },
  {
    name: 'Supabase Storage',
    host: /(?:^|\.)supabase\.co$/,
    because: ['path style: litestream #1133', 'create-only: not among the headers of "S3 compatibility" in its docs'],
  },
  {
    name: 'Oracle Cloud (OCI)',
    host: /(?:^|\.)(?:compat\.)?objectstorage\.(?<region>[a-z]+-[a-z]+-\d+)\.(?:oraclecloud\.com|oci\.customer-oci\.com)$/,
    createOnly: 'ignored',
    swap: 'ignored',
    because: [
      'swap: 200, and the object overwritten (zeropg’s survey of stores)',
      'create-only: 200, and the object overwritten (zeropg’s survey of stores)',
      'checksums: nativelink #2767',
    ],
  },
  {
    name: 'Google Cloud Storage (its S3 interface)',
    host: /^(?:[a-z0-9._-]+\.)?storage\.googleapis\.com$/,
    region: 'auto',
    createOnly: 'ignored',
    swap: 'ignored',
    because: [
      'swap: If-Match is for reads only (Google’s docs, "request preconditions")',
      'create-only: 200, and the object overwritten (firnflow #29); type gs has the real thing',
    ],
  },
  {
    name: 'OVHcloud',
    host: /(?:^|\.)s3\.(?<region>[a-z0-9-]+)\.(?:io\.|perf\.)?cloud\.ovh\.(?:net|us|ca)$/,
    because: [
      'create-only: OVHcloud docs, "conditional writes" (June 2026); NotImplemented before that (public-cloud-roadmap #671)',
    ],
  },
  {
    name: 'Exoscale',
    host: /(?:^|\.)sos-(?<region>[a-z]+-[a-z]+-\d+)\.exo\.io$/,
    createOnly: 'honoured',
    because: ['create-only: Exoscale changelog, August 2025'],
  },
  {
    name: 'IBM Cloud Object Storage',
    host: /(?:^|\.)s3\.(?:private\.|direct\.)?(?<region>[a-z0-9-]+)\.cloud-object-storage\.appdomain\.cloud$/,
    createOnly: 'honoured',
    swap: 'honoured',
    because: ['swap: run live by zeropg’s survey of stores', 'create-only: run live by zeropg’s survey of stores'],
  },
  {
    name: 'Akamai (Linode) Object Storage',
    host: /(?:^|\.)(?<region>[a-z]+(?:-[a-z]+)*-\d+)\.linodeobjects\.com$/,
    because: ['create-only: Ceph, where it depends on the version'],
  },
  { name: 'Vultr Object Storage', host: /(?:^|\.)vultrobjects\.com$/ },
  { name: 'Filebase', host: /(?:^|\.)s3\.filebase\.com$/ },
  {
    name: 'Alibaba Cloud OSS (its S3 interface)',
    host: /(?:^|\.)(?:s3\.)?oss-(?<region>[a-z]+-[a-z0-9-]+?)(?:-internal)?\.aliyuncs\.com$/,
    pathStyle: false,
    because: ['bucket in the host name: SecondLevelDomainForbidden (s5cmd #518, fluent-bit #10390)'],
  },
];

export const s3Providers: readonly S3Provider[] = [aws, ...rows.map((row) => ({ ...usual, ...row }))];

const unrecognized: S3Provider = { ...usual, name: 'S3-compatible store', host: /(?:)/ };

/** Who stands behind an endpoint, by its host name; no endpoint is AWS. Never by what it answers: that may be a lie. */
export function recognizeS3Provider(endpoint: string | undefined): S3Provider {
  if (endpoint === undefined) return aws;
  const { hostname } = new URL(endpoint);
  return s3Providers.find((provider) => provider.host.test(hostname)) ?? unrecognized;
}

/** The region that the host itself names: `s3.us-west-004.backblazeb2.com`. */
export function regionInHost(endpoint: string, provider: S3Provider): string | undefined {
  return provider.host.exec(new URL(endpoint).hostname)?.groups?.['region'];
}
