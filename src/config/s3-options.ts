import { aws, recognizeS3Provider, regionInHost } from '../storage/s3/providers.ts';
import type { S3StoreOptions } from '../storage/store-options.ts';
import type { LookupVariable } from './expand-variables.ts';
import { inEnvironment } from './problem.ts';
import { readEndpoint } from './read-endpoint.ts';
import { addProblem } from './reading.ts';
import type { ReplicaReading } from './replica-reading.ts';
import { readEncryption } from './s3-encryption-options.ts';
import { find, findBoolean, findNumber, findSize, findText, type Section } from './section.ts';

/** Options of an S3 replica from its own keys, its URL and the file's defaults, in this order of weight. */
export function readS3Options(bucket: string, sections: readonly Section[], replica: ReplicaReading): S3StoreOptions {
  const endpoint = readEndpoint(sections, replica);
  const provider = recognizeS3Provider(endpoint);
  return {
    type: 's3',
    bucket,
    path: findText(sections, 'path') ?? '',
    endpoint,
    region: findText(sections, 'region') ?? defaultRegion(endpoint, replica.lookup),
    forcePathStyle: findBoolean(sections, 'force-path-style') ?? provider.pathStyle,
    credentials: readCredentials(sections, replica),
    skipVerify: findBoolean(sections, 'skip-verify') ?? false,
    signPayload: findBoolean(sections, 'sign-payload'),
    storageClass: findText(sections, 'storage-class'),
    serverSideEncryption: readEncryption(sections, replica),
    partSize: findSize(sections, 'part-size'),
    concurrency: findNumber(sections, 'concurrency'),
  };
}

/** AWS_REGION says where the container runs; a store elsewhere has regions of its own, or none. */
function defaultRegion(endpoint: string | undefined, lookup: LookupVariable): string | undefined {
  const provider = recognizeS3Provider(endpoint);
  if (endpoint !== undefined && provider !== aws) return regionInHost(endpoint, provider) ?? provider.region;
  return lookup('LITESTREAM_S3_REGION') || lookup('AWS_REGION') || lookup('AWS_DEFAULT_REGION') || undefined;
}

function readCredentials(sections: readonly Section[], replica: ReplicaReading): S3StoreOptions['credentials'] {
  const id = find(sections, 'access-key-id');
  const secret = find(sections, 'secret-access-key');
  if (id !== undefined && secret !== undefined) {
    const sessionToken = findText(sections, 'session-token');
    return { accessKeyId: String(id.value), secretAccessKey: String(secret.value), sessionToken };
  }
  const half = id ?? secret ?? find(sections, 'session-token');
  if (half === undefined) return credentialsFromEnvironment(replica);
  const missing = id === undefined ? 'access-key-id' : 'secret-access-key';
  const variables = sections.flatMap((section) => section.blank.get(missing) ?? []);
  addProblem(
    replica.reading,
    half.where,
    'CONFIG_VALUE',
    `"${half.rule.name}" is given and "${missing}" is not`,
    variables.length > 0 ? `set ${variables.join(', ')}` : 'give both, or none of them to use the role of the machine',
  );
  return undefined;
}

/**
 * Litestream's order: AWS's own names, then LITESTREAM_…; last the replication guide's LITESTREAM_S3_…, which its
 * example of several replicas relies on without naming them. They are resolved here because the SDK knows neither
 * `.env` nor `NAME_FILE`. With AWS_PROFILE set the SDK's chain decides.
 */
function credentialsFromEnvironment({ lookup, reading }: ReplicaReading): S3StoreOptions['credentials'] {
  if (lookup('AWS_PROFILE')) return undefined;
  const first = (name: string): string =>
    ['AWS', 'LITESTREAM', 'LITESTREAM_S3'].map((prefix) => lookup(`${prefix}_${name}`)).find((value) => value) ?? '';
  const [accessKeyId, secretAccessKey] = [first('ACCESS_KEY_ID'), first('SECRET_ACCESS_KEY')];
  if (accessKeyId === '' && secretAccessKey === '') return undefined;
  if (accessKeyId === '' || secretAccessKey === '') {
    const missing = accessKeyId === '' ? 'ACCESS_KEY_ID' : 'SECRET_ACCESS_KEY';
    const message = `of the S3 credentials one half is set, and AWS_${missing} or LITESTREAM_${missing} is not`;
    addProblem(reading, inEnvironment, 'CONFIG_ENVIRONMENT', message, 'set both halves, or none');
    return undefined;
  }
  const sessionToken = (lookup('AWS_ACCESS_KEY_ID') && lookup('AWS_SESSION_TOKEN')) || undefined;
  return { accessKeyId, secretAccessKey, sessionToken };
}
