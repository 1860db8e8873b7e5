import { type OperationContext, type Reply, xml } from './s3-operations.ts';
import { escapeXml, S3Refusal } from './s3-refusal.ts';
import { uriEncode } from './s3-signature.ts';

type Item = { readonly kind: 'object'; readonly key: string } | { readonly kind: 'prefix'; readonly key: string };

/** ListObjectsV2, and ListObjects for older clients: keys in the order of their UTF-8 bytes, folded at the delimiter. */
export async function listObjects(context: OperationContext): Promise<Reply> {
  const { query, operation, bucket: name } = context.request;
  const isV2 = operation === 'ListObjectsV2';
  const prefix = query.get('prefix') ?? '';
  const most = Math.min(1000, Number(query.get('max-keys') ?? 1000));
  const after = isV2 ? afterOf(query) : (query.get('marker') ?? '');
  const items = itemsOf([...context.bucket.objects.keys()], prefix, query.get('delimiter') ?? '', after);
  const page = items.slice(0, most);
  const truncated = items.length > page.length && most > 0;
  const last = page.at(-1)?.key ?? '';
  const encode =
    query.get('encoding-type') === 'url' ? (text: string) => uriEncode(text).replaceAll('%2F', '/') : escapeXml;
  const next = isV2
    ? `<KeyCount>${page.length}</KeyCount>${truncated ? `<NextContinuationToken>${tokenOf(last)}</NextContinuationToken>` : ''}`
    : truncated
      ? `<NextMarker>${encode(last)}</NextMarker>`
      : '';
  const body = page.map((item) =>
    item.kind === 'prefix' ? prefixXml(encode(item.key)) : objectXml(context, item.key, encode),
  );
  return xml(
    `<ListBucketResult><Name>${escapeXml(name)}</Name><Prefix>${encode(prefix)}</Prefix><MaxKeys>${most}</MaxKeys><IsTruncated>${truncated}</IsTruncated>${next}${body.join('')}</ListBucketResult>`,
  );
}

const tokenOf = (key: string) => Buffer.from(key).toString('base64url');

function afterOf(query: ReadonlyMap<string, string>): string {
  const token = query.get('continuation-token');
  if (token === undefined) return query.get('start-after') ?? '';
  const key = Buffer.from(token, 'base64url').toString('utf8');
  if (tokenOf(key) !== token)
    throw new S3Refusal(400, 'InvalidArgument', 'The continuation token provided is incorrect');
  return key;
}

function itemsOf(keys: readonly string[], prefix: string, delimiter: string, after: string): readonly Item[] {
  const sorted = keys
    .filter((key) => key.startsWith(prefix))
    .map((key) => ({ key, bytes: Buffer.from(key) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes));
  const start = Buffer.from(after);
  const seen = new Set<string>();
  return sorted.flatMap(({ key, bytes }): Item[] => {
    const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    if (end === -1) return Buffer.compare(bytes, start) > 0 ? [{ kind: 'object', key }] : [];
    const folded = key.slice(0, end + delimiter.length);
    if (seen.has(folded) || Buffer.compare(Buffer.from(folded), start) <= 0) return [];
    seen.add(folded);
    return [{ kind: 'prefix', key: folded }];
  });
}

const prefixXml = (key: string) => `<CommonPrefixes><Prefix>${key}</Prefix></CommonPrefixes>`;

function objectXml(context: OperationContext, key: string, encode: (text: string) => string): string {
  const object = context.bucket.objects.get(key);
  if (object === undefined) return '';
  const time = object.lastModified.toISOString();
  return `<Contents><Key>${encode(key)}</Key><LastModified>${time}</LastModified><ETag>&quot;${object.etag}&quot;</ETag><Size>${object.content.size}</Size><StorageClass>STANDARD</StorageClass></Contents>`;
}
