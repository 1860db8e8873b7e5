import type { AzureStoreOptions } from '../storage/store-options.ts';
import { readEndpoint } from './read-endpoint.ts';
import { addProblem } from './reading.ts';
import type { ReplicaReading } from './replica-reading.ts';
import { find, findText, type Section, type SectionValue } from './section.ts';

/** Options of an Azure replica from its own keys, its URL and the file's defaults, in this order of weight. */
export function readAzureOptions(
  container: string,
  sections: readonly Section[],
  replica: ReplicaReading,
): AzureStoreOptions {
  const endpoint = readEndpoint(sections, replica);
  const credentials = readCredentials(sections, replica);
  if (credentials === undefined && endpoint?.startsWith('http:')) {
    const where = find(sections, 'endpoint')?.where ?? replica.top.where;
    const hint = 'add account-key or sas-token, or name an endpoint with https';
    addProblem(
      replica.reading,
      where,
      'CONFIG_VALUE',
      '"endpoint" is plain http, over which no identity is sent',
      hint,
    );
  }
  return {
    type: 'abs',
    container,
    path: findText(sections, 'path') ?? '',
    accountName: readAccountName(sections, endpoint, credentials, replica),
    endpoint,
    credentials,
  };
}

type Credentials = AzureStoreOptions['credentials'];

const credentialKeys = ['connection-string', 'sas-token', 'account-key'] as const;

/**
 * A signature before the key where both are there, as in Litestream; the replica's own before the file's defaults; last
 * Litestream's variables and the replication guide's. None: the identity that the machine gives.
 */
function readCredentials(sections: readonly Section[], replica: ReplicaReading): Credentials {
  for (const section of sections) {
    const [first, second] = credentialKeys.flatMap((name) => section.values.get(name) ?? []);
    if (first === undefined) continue;
    if (first.rule.name !== 'connection-string') return credentialsOf(first, replica);
    const extra = second ?? find(sections, 'endpoint');
    if (extra !== undefined) {
      const message = `"${extra.rule.name}" is given, and "connection-string" says it already`;
      addProblem(replica.reading, extra.where, 'CONFIG_VALUE', message, 'keep one of them');
    }
    const connectionString = String(first.value);
    if (!/(^|;)(AccountKey|SharedAccessSignature)=/.test(connectionString)) {
      const hint = 'copy it again from the storage account’s "Access keys", the whole line';
      addProblem(replica.reading, first.where, 'CONFIG_VALUE', '"connection-string" is none', hint);
    }
    return { kind: 'connection-string', connectionString };
  }
  const variable = (name: string) =>
    replica.lookup(`LITESTREAM_AZURE_${name}`) || replica.lookup(`LITESTREAM_ABS_${name}`);
  const [sasToken, accountKey] = [variable('SAS_TOKEN'), variable('ACCOUNT_KEY')];
  if (sasToken) return { kind: 'sas-token', sasToken };
  return accountKey ? { kind: 'account-key', accountKey } : undefined;
}

function credentialsOf({ rule, value, where }: SectionValue, { reading }: ReplicaReading): Credentials {
  const text = String(value);
  if (rule.name === 'sas-token') {
    if (/(^|[?&])sig=/.test(text)) return { kind: 'sas-token', sasToken: text };
    const hint = 'write the token alone, as in sv=…&sig=…, without the address before it';
    addProblem(reading, where, 'CONFIG_VALUE', '"sas-token" is no shared access signature', hint);
    return undefined;
  }
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) {
    const hint = 'copy it again from the storage account’s "Access keys"';
    addProblem(reading, where, 'CONFIG_VALUE', '"account-key" is not base64, which every key is', hint);
  }
  return { kind: 'account-key', accountKey: text };
}

function readAccountName(
  sections: readonly Section[],
  endpoint: string | undefined,
  credentials: Credentials,
  { reading, lookup, top }: ReplicaReading,
): string | undefined {
  if (credentials?.kind === 'connection-string') return undefined;
  const given = find(sections, 'account-name');
  const name = given === undefined ? lookup('LITESTREAM_ABS_ACCOUNT_NAME') || undefined : String(given.value);
  const where = given?.where ?? sections[0]?.where ?? top.where;
  if (name === undefined && (endpoint === undefined || credentials?.kind === 'account-key')) {
    const variables = sections.flatMap((section) =>
      ['account-name', 'connection-string'].flatMap((key) => section.blank.get(key) ?? []),
    );
    const hint =
      variables.length > 0
        ? `set ${variables.join(' or ')}`
        : 'add "account-name:", or set LITESTREAM_ABS_ACCOUNT_NAME';
    addProblem(reading, where, 'CONFIG_VALUE', 'the abs replica has no "account-name"', hint);
  }
  // It becomes a part of a host name, where anything else would be another host.
  if (name !== undefined && endpoint === undefined && !/^[a-z0-9]{3,24}$/.test(name)) {
    const hint = 'write the bare name: 3 to 24 lower-case letters and digits';
    addProblem(reading, where, 'CONFIG_VALUE', '"account-name" is no name of a storage account', hint);
  }
  return name;
}
