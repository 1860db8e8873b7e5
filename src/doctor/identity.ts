import { readFile } from 'node:fs/promises';
import { StationError } from '../errors.ts';
import { s3Error } from '../storage/s3/errors.ts';
import type { AzureStoreOptions, GcsStoreOptions, S3StoreOptions, StoreOptions } from '../storage/store-options.ts';

/** As whom we come, and where that is from: never a secret. @throws StationError where there is nobody to come as */
export async function describeIdentity(store: StoreOptions): Promise<string> {
  switch (store.type) {
    case 'file':
      // Without a name: a container's user need not be in /etc/passwd, and os.userInfo throws then.
      return `uid ${process.getuid?.()}, gid ${process.getgid?.()}`;
    case 's3':
      return await s3Identity(store);
    case 'gs':
      return await googleIdentity(store);
    case 'abs':
      return await azureIdentity(store);
  }
}

/** What the SDK's credentials say of where they come from. */
const sources: readonly (readonly [mark: RegExp, words: string])[] = [
  [/WEB_ID/, 'a role by web identity (AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE)'],
  [/IMDS/, 'the instance’s role'],
  [/HTTP/, 'the container’s role (ECS task or EKS Pod Identity)'],
  [/SSO/, 'an SSO login'],
  [/ASSUME_ROLE/, 'a role assumed by the shared config'],
  [/PROFILE|PROCESS/, 'the shared config and credentials files'],
  [/ENV_VARS/, 'the environment'],
];

async function s3Identity({ credentials, bucket }: S3StoreOptions): Promise<string> {
  if (credentials !== undefined) {
    const kind = credentials.sessionToken === undefined ? 'access key' : 'temporary access key';
    return `${kind} ${masked(credentials.accessKeyId)}, as configured`;
  }
  const { S3Client } = await import('@aws-sdk/client-s3');
  const client = new S3Client({ region: 'us-east-1' });
  try {
    const found: { readonly accessKeyId: string; readonly $source?: object } = await client.config.credentials();
    const marks = Object.keys(found.$source ?? {}).join(' ');
    const source = sources.find(([mark]) => mark.test(marks))?.[1] ?? 'the SDK’s own chain';
    return `access key ${masked(found.accessKeyId)}, from ${source}`;
  } catch (error) {
    throw s3Error(error, { permission: 's3:ListBucket', url: `s3://${bucket}` });
  } finally {
    client.destroy();
  }
}

/** An access key's id is no secret; as much of it as tells it from another is enough. */
function masked(id: string): string {
  return id.length < 12 ? `${id.slice(0, 2)}…` : `${id.slice(0, 4)}…${id.slice(-4)}`;
}

async function googleIdentity({ credentials, endpoint }: GcsStoreOptions): Promise<string> {
  if (credentials !== undefined) {
    const where = credentials.kind === 'json' ? 'its key as configured' : `its key in ${credentials.path}`;
    const text = credentials.kind === 'json' ? credentials.json : await readKeyFile(credentials.path);
    return `service account ${emailIn(text, where)}, ${where}`;
  }
  if (endpoint === undefined && process.env['STORAGE_EMULATOR_HOST']) return 'nobody: STORAGE_EMULATOR_HOST is set';
  const file = process.env['GOOGLE_APPLICATION_CREDENTIALS'];
  const source = file ? `application default credentials from ${file}` : 'application default credentials';
  const { defaultAccountEmail } = await import('../storage/gcs/access.ts');
  try {
    const email = await defaultAccountEmail();
    return email === undefined ? source : `service account ${email}, ${source}`;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StationError('STORAGE_DENIED', `no credentials were found: ${reason}`, {
      cause,
      hint: 'set service-account-json-path or GOOGLE_APPLICATION_CREDENTIALS, or give the container a service account',
    });
  }
}

async function readKeyFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new StationError('STORAGE_DENIED', `the service account’s key ${path} cannot be read: ${String(cause)}`, {
      cause,
      hint: 'mount the key’s file, or correct "service-account-json-path"',
    });
  }
}

function emailIn(json: string, where: string): string {
  try {
    const { client_email: email } = JSON.parse(json) as { readonly client_email?: unknown };
    if (typeof email === 'string') return email;
  } catch {
    // Not the parser's message: it quotes what it could not read, which may be the key.
  }
  throw new StationError('STORAGE_DENIED', `no service account in ${where}`, {
    hint: 'download the key as JSON again; it has a "client_email"',
  });
}

async function azureIdentity({ accountName, credentials }: AzureStoreOptions): Promise<string> {
  const account = accountName === undefined ? 'the account' : `account ${accountName}`;
  switch (credentials?.kind) {
    case 'account-key':
      return `${account}, by its key as configured`;
    case 'sas-token':
      return `${account}, by a shared access signature as configured${limitsOf(credentials.sasToken)}`;
    case 'connection-string': {
      const [, name] = /(?:^|;)AccountName=([^;]*)/.exec(credentials.connectionString) ?? [];
      return `${name === undefined ? account : `account ${name}`}, by a connection string as configured`;
    }
    default:
      return await entraIdentity();
  }
}

/** What a SAS permits and until when, which its query says in clear. */
function limitsOf(sasToken: string): string {
  const query = new URLSearchParams(sasToken.replace(/^\?/, ''));
  const parts = [
    ...(query.get('sp') === null ? [] : [`permissions ${query.get('sp')}`]),
    ...(query.get('se') === null ? [] : [`until ${query.get('se')}`]),
  ];
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

async function entraIdentity(): Promise<string> {
  const { findAzureIdentity } = await import('../storage/azure/identity.ts');
  const { azureError } = await import('../storage/azure/errors.ts');
  try {
    const { token } = await (await findAzureIdentity()).getToken('https://storage.azure.com/.default');
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as Record<
      string,
      unknown
    >;
    const [name] = [claims['upn'], claims['appid'], claims['oid']].filter((claim) => typeof claim === 'string');
    return `Microsoft Entra identity ${name ?? 'without a name'}, from the SDK’s own chain`;
  } catch (error) {
    throw azureError(error, { permission: 'list', url: 'https://storage.azure.com' });
  }
}
