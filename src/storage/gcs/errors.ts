import type { IncomingHttpHeaders } from 'node:http';
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
export interface GcsOperation {
  readonly permission:
    | 'storage.objects.get'
    | 'storage.objects.create'
    | 'storage.objects.list'
    | 'storage.objects.delete';
  /** `gs://bucket/key`, without secrets. */
  readonly url: string;
}

/** An answer that is no success. `name` is Google's own word for the reason, as far as it gave one. */
export class GcsRefusal extends Error {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;

  constructor(status: number, headers: IncomingHttpHeaders, body: string) {
    const { word, text } = reasonIn(body);
    super(text ?? 'the store gave no reason');
    this.name = word ?? `HTTP ${status}`;
    this.status = status;
    this.headers = headers;
  }
}

/** There is no token to ask with: `cause` is what the credentials' own library threw. */
export class GcsAccessFailure extends Error {
  constructor(cause: unknown) {
    super('no access token', { cause });
  }
}

const tokenRefused = denied('the access token was refused: check the service account and this machine’s clock');
const noToken = denied('no access token could be had: check the service account’s key, or the machine’s account');
const noPermission = undefined;

/** What each of Google's own words means. A word that is not here, or has no meaning of its own, is judged by its HTTP status. */
const meaningOfWord: Readonly<Record<string, Meaning | undefined>> = {
  authError: tokenRefused,
  required: tokenRefused,
  forbidden: noPermission,
  insufficientPermissions: denied(
    'the access token lacks the scope for storage: give the machine the scope devstorage.read_write or cloud-platform',
  ),
  accountDisabled: denied('the project’s account is disabled: check its billing'),
  userProjectMissing: denied('the bucket is "requester pays", which is not supported: turn it off'),
  retentionPolicyNotMet: denied('the bucket’s retention policy still holds the object'),
  objectUnderActiveHold: denied('a hold on the object forbids it'),
  orgPolicyConstraintFailed: denied('an organization policy forbids it: ask who administers the project'),
  invalid_grant: denied('the service account’s key was deleted or disabled, or this machine’s clock is wrong'),
  invalid_client: denied('the service account’s key is unknown: make a new one'),
  unauthorized_client: denied('the service account may not have tokens: check that it is enabled'),
  NoCredentials: denied(
    'no credentials were found: set service-account-json-path, or give the container a service account; for an emulator, set STORAGE_EMULATOR_HOST',
  ),
  SyntaxError: denied('the service account’s key is not JSON: check service-account-json-path'),
  ENOENT: denied('the service account’s key is not there: check service-account-json-path and its mount'),
  EACCES: denied('the service account’s key cannot be read by this user: check its owner and mode'),
  EISDIR: denied('service-account-json-path is a folder: name the file in it'),
  ERR_OSSL_UNSUPPORTED: denied('the private_key of the service account is damaged: get the key anew'),

  conditionNotMet: alreadyExists,
  conflict: throttled,
  rateLimitExceeded: throttled,
  userRateLimitExceeded: throttled,
  dailyLimitExceeded: throttled,
  quotaExceeded: throttled,

  backendError: unreachable,
  internalError: unreachable,
  uploadBrokenConnection: unreachable,
  gatewayTimeout: unreachable,
  TimeoutError: unreachable,
  AbortError: unreachable,
  requestedRangeNotSatisfiable: broken('the object is shorter than expected'),

  ...ofCertificates(untrusted),
};

function meaningOfStatus(status: number): Meaning {
  if (status === 401) return tokenRefused;
  if (status === 403) return denied();
  if (status === 404) return notFound();
  if (status === 412) return alreadyExists;
  if (status === 416) return broken('the object is shorter than expected');
  if (status === 409 || status === 429 || status === 503) return throttled;
  if (status === 501) return broken('this endpoint lacks an operation that is needed: use another');
  if (status >= 500 || status === 408) return unreachable;
  return broken();
}

/** Anything a request led to, as one of ours; the message begins with Google's own word. */
export function gcsError(error: unknown, operation: GcsOperation): StationError {
  if (error instanceof StationError) return error;
  const original = error instanceof GcsAccessFailure ? error.cause : error;
  const word = wordOf(original);
  const meaning = error instanceof GcsAccessFailure ? meaningWithoutAccess(original, word) : meaningOf(original, word);
  const hint =
    meaning.code === 'STORAGE_DENIED' && meaning.hint === undefined
      ? `the service account lacks ${operation.permission} on ${operation.url}: grant it a role that holds it, such as Storage Object User`
      : meaning.hint;
  return storeError({ ...meaning, hint }, word, textOf(original), operation, original);
}

function meaningOf(error: unknown, word: string): Meaning {
  if (isMissingBucket(error)) {
    return notFound('the bucket does not exist: create it, or correct "bucket"');
  }
  // What arrived is not what was sent: nothing was stored, and it is worth another try.
  if (error instanceof GcsRefusal && /doesn't match calculated/.test(error.message)) return unreachable;
  const known = meaningOfWord[word];
  if (known !== undefined) return known;
  const status = statusOf(error);
  return status === undefined ? meaningWithoutAnswer(word) : meaningOfStatus(status);
}

function meaningWithoutAccess(error: unknown, word: string): Meaning {
  const meaning = meaningOf(error, word);
  const passes = meaning.code === 'STORAGE_UNREACHABLE' || meaning.code === 'STORAGE_THROTTLED';
  return passes || meaningOfWord[word] !== undefined ? meaning : noToken;
}

/** Google gives "notFound" for objects and buckets alike; its text tells them apart. */
export function isMissingBucket(error: unknown): boolean {
  return error instanceof GcsRefusal && error.status === 404 && /\bbucket does not exist\b/i.test(error.message);
}

/** In plain text where media were asked for, else in JSON. */
export function isMissingObject(error: unknown): boolean {
  return error instanceof GcsRefusal && error.status === 404 && /^No such object\b/i.test(error.message);
}

/** Google's word (`forbidden`, `invalid_grant`), the system's (`ECONNREFUSED`), else `HTTP 502` or the error's class. */
function wordOf(error: unknown): string {
  if (!(error instanceof Error)) return 'Error';
  if (error instanceof GcsRefusal) return error.name;
  if (/could not load the default credentials/i.test(error.message)) return 'NoCredentials';
  const tokenWord = tokenRefusalOf(error)?.data?.error;
  if (typeof tokenWord === 'string') return tokenWord;
  const status = statusOf(error);
  if (status !== undefined) return `HTTP ${status}`;
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

export function statusOf(error: unknown): number | undefined {
  if (error instanceof GcsRefusal) return error.status;
  return tokenRefusalOf(error)?.status;
}

/** What the token endpoint or the metadata server answered, where the library could get no token. */
function tokenRefusalOf(error: unknown) {
  if (!(error instanceof Error) || !('response' in error)) return undefined;
  return error.response as { readonly status?: number; readonly data?: { readonly error?: unknown } } | undefined;
}

/** Connecting to several addresses at once fails with an error that has no text of its own. */
function textOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return textOf(error.errors[0]);
  const refusal = tokenRefusalOf(error)?.data?.error;
  if (typeof refusal === 'object' && refusal !== null && 'message' in refusal) return String(refusal.message);
  return error instanceof Error ? error.message : String(error);
}

interface ErrorBody {
  readonly error?: { readonly message?: string; readonly errors?: readonly { readonly reason?: string }[] };
}

/** The JSON interface gives a word and a text; for media, and from what stands before it, comes plain text or HTML. */
function reasonIn(body: string): { readonly word?: string | undefined; readonly text?: string } {
  try {
    const { error } = JSON.parse(body) as ErrorBody;
    if (typeof error?.message === 'string') return { word: error.errors?.[0]?.reason, text: error.message };
  } catch {
    // Not JSON, so it is the text itself.
  }
  const text = body
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .slice(0, 200);
  return text === '' ? {} : { text };
}
