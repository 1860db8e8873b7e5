import type { GcsStoreOptions } from '../storage/store-options.ts';
import { readEndpoint } from './read-endpoint.ts';
import { addProblem } from './reading.ts';
import type { ReplicaReading } from './replica-reading.ts';
import { resolvePath } from './resolve-path.ts';
import { findText, type Section } from './section.ts';

/** Options of a replica on Google Cloud Storage from its own keys, its URL and the file's defaults, in this order of weight. */
export function readGcsOptions(bucket: string, sections: readonly Section[], replica: ReplicaReading): GcsStoreOptions {
  return {
    type: 'gs',
    bucket,
    path: findText(sections, 'path') ?? '',
    endpoint: readEndpoint(sections, replica),
    credentials: readCredentials(sections, replica),
  };
}

/**
 * The key of the replica's own before one among the file's defaults. GOOGLE_APPLICATION_CREDENTIALS is resolved here
 * because the SDK, whose own chain comes next, knows neither `.env` nor `NAME_FILE`.
 */
function readCredentials(
  sections: readonly Section[],
  { reading, lookup, context }: ReplicaReading,
): GcsStoreOptions['credentials'] {
  for (const section of sections) {
    const path = section.values.get('service-account-json-path');
    const json = section.values.get('service-account-json');
    if (path !== undefined && json !== undefined) {
      const message = '"service-account-json-path" and "service-account-json" exclude each other';
      addProblem(reading, json.where, 'CONFIG_VALUE', message, 'keep one of them');
    }
    if (path !== undefined) return { kind: 'file', path: resolvePath(String(path.value), context) };
    if (json === undefined) continue;
    const text = String(json.value);
    if (isKey(text)) return { kind: 'json', json: text };
    const hint = 'give the whole content of the key’s file, or name the file in "service-account-json-path"';
    addProblem(reading, json.where, 'CONFIG_VALUE', '"service-account-json" is no key of a service account', hint);
    return undefined;
  }
  const path = lookup('GOOGLE_APPLICATION_CREDENTIALS');
  return path ? { kind: 'file', path: resolvePath(path, context) } : undefined;
}

function isKey(text: string): boolean {
  try {
    const key: unknown = JSON.parse(text);
    return typeof key === 'object' && key !== null && 'type' in key;
  } catch {
    // The caller says what is wrong; the parser's own words would show parts of the key.
    return false;
  }
}
