import { aws, recognizeS3Provider, regionInHost } from '../storage/s3-providers.ts';
import type { S3StoreOptions } from '../storage/store-options.ts';
import type { LookupVariable } from './expand-variables.ts';
import { inEnvironment } from './problem.ts';
import { readEndpoint } from './read-endpoint.ts';
import { addProblem } from './reading.ts';
import type { ReplicaReading } from './replica-reading.ts';
import { resolvePath } from './resolve-path.ts';
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

function readEncryption(sections: readonly Section[], replica: ReplicaReading): S3StoreOptions['serverSideEncryption'] {
  const keyId = find(sections, 'sse-kms-key-id');
  const [key, path] = [find(sections, 'sse-customer-key'), find(sections, 'sse-customer-key-path')];
  const algorithm = find(sections, 'sse-customer-algorithm');
  const given = [keyId, key, path].filter((value) => value !== undefined);
  const [first, second] = given;
  if (second !== undefined) {
    const names = given.map((value) => `"${value.rule.name}"`).join(' and ');
    addProblem(replica.reading, second.where, 'CONFIG_VALUE', `${names} exclude each other`, 'keep one of them');
  } else if (keyId !== undefined) {
    return { kind: 'aws:kms', keyId: String(keyId.value) };
  } else if (first !== undefined) {
    const keyBase64 = key === undefined ? readKeyFile(String(first.value), replica) : String(key.value);
    if (Buffer.from(keyBase64 ?? '', 'base64').length === 32) {
      const name = algorithm === undefined ? 'AES256' : String(algorithm.value);
      return { kind: 'customer', algorithm: name, keyBase64: keyBase64 ?? '', keyMd5: undefined };
    }
    const message = `"${first.rule.name}" gives no key of 32 bytes in base64`;
    addProblem(replica.reading, first.where, 'CONFIG_VALUE', message, 'make one with: openssl rand -base64 32');
  } else if (algorithm !== undefined) {
    const message = '"sse-customer-algorithm" is given without a key';
    addProblem(replica.reading, algorithm.where, 'CONFIG_VALUE', message, 'add "sse-customer-key-path"');
  }
  return undefined;
}

/** Undefined if there is no such file, or none that can be read. */
function readKeyFile(path: string, { context }: ReplicaReading): string | undefined {
  try {
    return context.readFile(resolvePath(path, context))?.trim();
  } catch {
    // The caller says that this file gives no key; that a folder or a closed file gives none either is the same mistake.
    return undefined;
  }
}
