import type { AzureStoreOptions } from '../store-options.ts';

/** What must never be shown of these options: each secret as given, and its parts as a message might have them. */
export function azureSecretsOf({ credentials }: AzureStoreOptions): readonly string[] {
  if (credentials === undefined) return [];
  if (credentials.kind === 'account-key') return [credentials.accountKey];
  if (credentials.kind === 'sas-token') return [credentials.sasToken, ...signaturesIn(credentials.sasToken)];
  const { connectionString } = credentials;
  const key = /(?:^|;)AccountKey=([^;]+)/.exec(connectionString)?.[1];
  return [connectionString, ...(key === undefined ? [] : [key]), ...signaturesIn(connectionString)];
}

/** As it stands in a URL, and decoded. */
function signaturesIn(text: string): readonly string[] {
  const signature = /\bsig=([^&;]+)/.exec(text)?.[1];
  if (signature === undefined) return [];
  return [...new Set([signature, new URLSearchParams(`sig=${signature}`).get('sig') ?? signature])];
}
