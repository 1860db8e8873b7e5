import { StationError } from '../../errors.ts';
import {
  alreadyExists,
  broken,
  denied,
  type Meaning,
  meaningWithoutAnswer,
  notFound,
  storeError,
  throttled,
  unreachable,
  untrusted,
} from '../meaning.ts';
import { AzureIdentityFailure, identityFailureIn } from './identity.ts';

/** What one operation was about, for the message and for naming the permission it needs. */
export interface AzureOperation {
  readonly permission: 'read' | 'write' | 'list' | 'delete';
  /** `abs://account@container/blob`, without secrets. */
  readonly url: string;
  /** The blob must not be there yet. */
  readonly createOnly?: boolean;
}

const noIdentity = denied(
  'no credentials were found: set account-key, sas-token or connection-string, or give the container a managed or workload identity',
);
const refusedIdentity = denied('Microsoft Entra refuses this identity: check AZURE_CLIENT_ID and AZURE_TENANT_ID');
const silentAuthority: Meaning = {
  code: 'STORAGE_UNREACHABLE',
  hint: 'no token could be had: check the network to Microsoft Entra, AZURE_AUTHORITY_HOST, and that AZURE_TENANT_ID exists',
};
const leased = denied('someone holds a lease on the blob: break it');

/** What each of Azure's own words means. Order is by subject; a word that is not here is judged by its HTTP status. */
const meaningOfWord: Readonly<Record<string, Meaning>> = {
  AuthenticationFailed: denied(
    'the account key or the SAS is wrong or has expired, or this machine’s clock is wrong: check account-name, account-key, sas-token',
  ),
  InvalidAuthenticationInfo: denied('the credentials are malformed: check account-key or sas-token'),
  NoAuthenticationInformation: denied('no credentials were sent: set account-key or sas-token, or use an identity'),
  AuthorizationFailure: denied(
    'the storage account’s network rules, or the SAS’s, do not admit this machine: check its firewall; an emulator says so of a wrong key',
  ),
  AuthorizationPermissionMismatch: denied(),
  AuthorizationProtocolMismatch: denied('the SAS is for https only: correct "endpoint"'),
  AuthorizationSourceIPMismatch: denied('the SAS does not admit this machine’s address'),
  AuthorizationServiceMismatch: denied('the SAS is not for blobs: make one with the blob service (ss=b)'),
  AuthorizationResourceTypeMismatch: denied('the SAS must be for containers and objects (srt=co)'),
  KeyBasedAuthenticationNotPermitted: denied('the account forbids keys: use a managed or workload identity'),
  UnauthorizedBlobOverwrite: denied('the SAS may create blobs and not replace them: give it write (w)'),
  AccountIsDisabled: denied('the storage account is disabled'),
  ContainerDisabled: denied('the container is disabled'),
  BlobImmutableDueToPolicy: denied('an immutability policy protects the blob'),
  LeaseIdMissing: leased,
  LeaseIdMismatchWithBlobOperation: leased,
  CredentialUnavailableError: noIdentity,
  AggregateAuthenticationError: noIdentity,
  AuthenticationRequiredError: noIdentity,

  ContainerNotFound: notFound('the container does not exist: create it, or correct "container"'),
  BlobNotFound: notFound('the blob does not exist'),
  ResourceNotFound: notFound('check account, container and path'),
  InvalidResourceName: notFound('not a container’s name: correct "container"'),

  BlobAlreadyExists: alreadyExists,
  ConditionNotMet: alreadyExists,

  ServerBusy: throttled,
  TooManyRequests: throttled,

  OperationTimedOut: unreachable,
  ContainerBeingDeleted: { code: 'STORAGE_UNREACHABLE', hint: 'the container is being deleted; create it again' },
  Md5Mismatch: unreachable,
  // Somebody else's commit of the same blob drops the blocks we had sent; trying again tells who was first.
  InvalidBlockList: unreachable,
  InvalidBlobOrBlock: unreachable,

  InvalidRange: broken('the object is shorter than expected'),
  InvalidBlobType: broken('a page or append blob has that name: delete it, or change "path"'),
  BlobArchived: broken('the blob is in the archive tier: move it to Hot or Cool first'),
  SnapshotsPresent: broken('the blob has snapshots, which only you may delete'),
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
export function azureError(error: unknown, operation: AzureOperation): StationError {
  if (error instanceof StationError) return error;
  const told = identityFailureIn(error) ?? error;
  const word = wordOf(told);
  const meaning = meaningOf(told, word, operation);
  const hint = meaning.code === 'STORAGE_DENIED' ? (meaning.hint ?? lacking(operation)) : meaning.hint;
  return storeError({ ...meaning, hint }, word, textOf(told), operation, error);
}

function lacking({ permission, url }: AzureOperation): string {
  return (
    `an identity needs the role Storage Blob Data Contributor on the container, ` +
    `a SAS the permission ${permission} (${permission[0]}) on ${url}`
  );
}

function meaningOf(error: unknown, word: string, operation: AzureOperation): Meaning {
  if (error instanceof AzureIdentityFailure) return error.kind === 'refused' ? refusedIdentity : silentAuthority;
  // A SAS that may only create is refused where it would have to replace: then something is there.
  if (word === 'UnauthorizedBlobOverwrite' && operation.createOnly === true) return alreadyExists;
  const status = statusOf(error);
  if (word === 'AuthenticationError') return (status ?? 0) >= 500 ? unreachable : refusedIdentity;
  const known = meaningOfWord[word];
  if (known !== undefined) return known;
  if (status !== undefined) return meaningOfStatus(status);
  return /CERT|SIGNATURE/.test(word) ? untrusted : meaningWithoutAnswer(word);
}

/** The provider's word (`AuthenticationFailed`), the system's (`ECONNREFUSED`), else `HTTP 502` or the error's class. */
export function wordOf(error: unknown): string {
  if (!(error instanceof Error)) return 'Error';
  // In the body of an answer, else in its header: the SDK leaves each in another place.
  const { code: given, details } = error as {
    readonly code?: unknown;
    readonly details?: { readonly errorCode?: unknown };
  };
  const code = [given, details?.errorCode].find((one) => typeof one === 'string' && /^\w+$/.test(one)) as
    | string
    | undefined;
  const status = statusOf(error);
  if (error.name !== 'RestError') return code ?? error.name;
  // A proxy that answers HTML says no word of Azure's.
  if (status !== undefined) return code === undefined || code === 'PARSE_ERROR' ? `HTTP ${status}` : code;
  return code ?? 'REQUEST_SEND_ERROR';
}

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined;
  return typeof error.statusCode === 'number' ? error.statusCode : undefined;
}

/** What a store that is busy asks for, in seconds. */
export function retryAfterOf(error: unknown): string | undefined {
  const { response } = error as {
    readonly response?: { readonly headers?: { get(name: string): string | undefined } };
  };
  return response?.headers?.get('retry-after');
}

/** The first line: request ids and times follow. What signs a URL is taken out wherever it may come from. */
function textOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return textOf(error.errors[0]);
  const text = error instanceof Error ? error.message : String(error);
  const [line = ''] = text.trim().split('\n');
  return line === '' ? 'the store gave no reason' : line.replace(/\b(sig=)[^&\s"']+/g, '$1…');
}
