import type { GcsStoreOptions } from '../store-options.ts';

/** What must never be shown of these options: an inline key as given, its private part as JSON has it, and decoded. */
export function gcsSecretsOf({ credentials }: GcsStoreOptions): readonly string[] {
  if (credentials?.kind !== 'json') return [];
  const { private_key: key } = JSON.parse(credentials.json) as { readonly private_key?: unknown };
  if (typeof key !== 'string') return [credentials.json];
  return [credentials.json, key, JSON.stringify(key).slice(1, -1)];
}
