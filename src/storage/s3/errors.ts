import { StationError } from '../../errors.ts';
import {
  alreadyExists,
  broken,
  denied,
  type Meaning,
  meaningWithoutAnswer,
  notFound,
  ofCertificates,
  storeError,
  throttled,
  unreachable,
  untrusted,
} from '../meaning.ts';

/** What one operation was about, for the message and for naming the permission it needs. */
export interface S3Operation {
  readonly permission: 's3:GetObject' | 's3:PutObject' | 's3:ListBucket' | 's3:DeleteObject';
  /** `s3://bucket/key`, without secrets. */
  readonly url: string;
  /** It needs the key that the object was written with. */
  readonly customerKey?: boolean;
}

const customerKeyMissing = denied('the object is encrypted with a customer’s key: set sse-customer-key');
const wrongRegion = broken('the bucket is in another region: set "region" of the replica');

/** What each provider's own word means. Order is by subject; a word that is not here is judged by its HTTP status. */
const meaningOfWord: Readonly<Record<string, Meaning>> = {
  InvalidAccessKeyId: denied('the access key id does not exist: check access-key-id'),
  SignatureDoesNotMatch: denied('the secret access key is wrong: check secret-access-key'),
  ExpiredToken: denied('the session token has expired: renew the credentials'),
  ExpiredTokenException: denied('the session token has expired: renew the credentials'),
  TokenRefreshRequired: denied('the session token must be renewed'),
  InvalidToken: denied('the session token is malformed: check AWS_SESSION_TOKEN'),
  RequestTimeTooSkewed: denied('this machine’s clock is wrong: set it by NTP'),
  AccountProblem: denied('the account is suspended: ask the provider'),
  AllAccessDisabled: denied('the bucket is disabled: ask the provider'),
  CredentialsProviderError: denied(
    'no credentials were found: set access-key-id and secret-access-key, or give the container a role',
  ),
  'KMS.DisabledException': denied('the KMS key is disabled'),
  'KMS.NotFoundException': denied('the KMS key does not exist in this region'),

  NoSuchBucket: notFound('the bucket does not exist: create it, or correct "bucket"'),
  NoSuchKey: notFound('the object does not exist'),
  InvalidBucketName: notFound('not a bucket’s name: correct "bucket"'),

  PreconditionFailed: alreadyExists,

  SlowDown: throttled,
  Throttling: throttled,
  ThrottlingException: throttled,
  TooManyRequests: throttled,
  RequestLimitExceeded: throttled,
  ServiceUnavailable: throttled,
  ConditionalRequestConflict: throttled,
  OperationAborted: throttled,

  RequestTimeout: unreachable,
  TimeoutError: unreachable,
  BadDigest: unreachable,
  XAmzContentSHA256Mismatch: unreachable,
  IncompleteBody: unreachable,
  NoSuchUpload: unreachable,
  InsufficientStorage: { code: 'STORAGE_UNREACHABLE', hint: 'the store is full: make room, it is retried' },
  QuotaExceeded: { code: 'STORAGE_UNREACHABLE', hint: 'the store’s quota is used up: make room, it is retried' },

  PermanentRedirect: wrongRegion,
  AuthorizationHeaderMalformed: wrongRegion,
  IllegalLocationConstraintException: wrongRegion,
  InvalidRange: broken('the object is shorter than expected'),
  InvalidStorageClass: broken('this store does not know that storage class: correct "storage-class"'),
  InvalidObjectState: broken('the object is archived (Glacier): restore it to a readable storage class first'),
  NotImplemented: broken(
    'this store lacks an operation that is needed (create-only writes above all): use another store',
  ),

  ...ofCertificates({ ...untrusted, hint: `${untrusted.hint}, or set skip-verify for a test` }),
};

function meaningOfStatus(status: number): Meaning {
  if (status === 401 || status === 403) return denied();
  if (status === 404) return notFound();
  if (status === 412) return alreadyExists;
  if (status === 429 || status === 503 || status === 409) return throttled;
  if (status >= 500 || status === 408) return unreachable;
  return broken();
}

/** Anything the SDK threw, as one of ours; the message begins with the provider's own word. */
export function s3Error(error: unknown, operation: S3Operation): StationError {
  if (error instanceof StationError) return error;
  const word = wordOf(error);
  const meaning = meaningOf(error, word);
  const hint =
    word === 'AccessDenied' || (meaning.code === 'STORAGE_DENIED' && meaning.hint === undefined)
      ? lacking(operation)
      : meaning.hint;
  return storeError({ ...meaning, hint }, word, textOf(error), operation, error);
}

function lacking({ permission, url, customerKey }: S3Operation): string {
  const policy = `the credentials lack ${permission} on ${url}, or the bucket’s policy forbids it`;
  return customerKey === true ? `${policy}, or sse-customer-key is not the one it was written with` : policy;
}

function meaningOf(error: unknown, word: string): Meaning {
  if (word === 'InvalidRequest' && /Server Side Encryption/.test(textOf(error))) return customerKeyMissing;
  const known = meaningOfWord[word];
  if (known !== undefined) return known;
  const status = statusOf(error);
  return status === undefined ? meaningWithoutAnswer(word) : meaningOfStatus(status);
}

/** The provider's word (`AccessDenied`), the system's (`ECONNREFUSED`), else `HTTP 502` or the error's class. */
export function wordOf(error: unknown): string {
  if (!(error instanceof Error)) return 'Error';
  const status = statusOf(error);
  if (status !== undefined) {
    // A HEAD, or a proxy that answers HTML: no word of the provider's.
    return ['Error', 'UnknownError', 'Unknown', 'SyntaxError'].includes(error.name) || !/^[\w.]+$/.test(error.name)
      ? `HTTP ${status}`
      : error.name;
  }
  return 'code' in error && typeof error.code === 'string' && error.name !== 'TimeoutError' ? error.code : error.name;
}

export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const { $metadata, $response } = error as {
    readonly $metadata?: { readonly httpStatusCode?: number };
    readonly $response?: { readonly statusCode?: number };
  };
  return $metadata?.httpStatusCode ?? $response?.statusCode;
}

/** Connecting to several addresses at once fails with an error that has no text of its own. */
function textOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return textOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  return error.message === '' || error.message === 'UnknownError' ? 'the store gave no reason' : error.message;
}

/** Where a bucket really is, as the answer that sent us away says: in a header, or in the error itself. */
export function bucketRegionOf(error: unknown): string | undefined {
  const status = statusOf(error);
  if (status !== 301 && status !== 307 && status !== 400) return undefined;
  const { $response, Region } = error as {
    readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
    readonly Region?: unknown;
  };
  return $response?.headers?.['x-amz-bucket-region'] ?? (typeof Region === 'string' ? Region : undefined);
}
