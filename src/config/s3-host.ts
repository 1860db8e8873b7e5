/** What the host of an `s3://` URL says. */
export interface S3Host {
  readonly bucket: string;
  readonly region?: string;
  readonly endpoint?: string;
  readonly forcePathStyle?: boolean;
}

interface HostForm {
  readonly pattern: RegExp;
  readonly read: (bucket: string, region: string) => S3Host;
}

/** The host forms Litestream understands; the first that fits counts, and any other host is a bucket's name. */
const forms: readonly HostForm[] = [
  {
    pattern: /^(?<bucket>arn:[^:]*:[^:]*:(?<region>[^:]*):.*)$/,
    read: (bucket, region) => ({ bucket, ...(region === '' ? {} : { region }) }),
  },
  {
    // bucket.localhost:9000: MinIO and others beside the application
    pattern: /^(?<bucket>[^.:]+)\.(?<region>(?!.*\.com(:|$))[^:]+:[0-9]+)$/,
    read: (bucket, host) => ({ bucket, endpoint: `http://${host}`, forcePathStyle: true }),
  },
  {
    pattern: /^(?<bucket>.+)\.s3(?:[.-](?<region>[^.]+))?\.amazonaws\.com$/,
    read: (bucket, region) => ({ bucket, forcePathStyle: false, ...(region === '' ? {} : { region }) }),
  },
  {
    pattern: /^(?<bucket>.+)\.(?<region>[^.]+)\.digitaloceanspaces\.com$/,
    read: (bucket, region) => ({
      bucket,
      region,
      endpoint: `https://${region}.digitaloceanspaces.com`,
      forcePathStyle: false,
    }),
  },
  {
    pattern: /^(?<bucket>.+)\.s3\.(?<region>[^.]+)\.backblazeb2\.com$/,
    read: (bucket, region) => ({
      bucket,
      region,
      endpoint: `https://s3.${region}.backblazeb2.com`,
      forcePathStyle: true,
    }),
  },
  {
    pattern: /^(?<bucket>.+)\.s3\.filebase\.com$/,
    read: (bucket) => ({ bucket, endpoint: 'https://s3.filebase.com', forcePathStyle: true }),
  },
  {
    pattern: /^(?<bucket>.+)\.s3\.(?<region>[^.]+)\.scw\.cloud$/,
    read: (bucket, region) => ({ bucket, region, endpoint: `https://s3.${region}.scw.cloud`, forcePathStyle: false }),
  },
];

/** Bucket, and where the host names a provider: region, endpoint and style. */
export function parseS3Host(host: string): S3Host {
  // An address is no bucket with a server: the caller refuses it.
  if (/^[0-9.]+(:[0-9]+)?$/.test(host)) return { bucket: host };
  for (const { pattern, read } of forms) {
    const groups = pattern.exec(host)?.groups;
    if (groups !== undefined) return read(groups['bucket'] ?? '', groups['region'] ?? '');
  }
  return { bucket: host };
}
