import { expandVariables, type LookupVariable } from './expand-variables.ts';
import { keyTable } from './keys/table.ts';
import { placeKeys } from './place-keys.ts';
import { readSection } from './read-section.ts';
import { addProblem, type ConfigReading } from './reading.ts';
import type { QueryParameter, ReplicaUrl } from './replica-url.ts';
import { parseS3Host } from './s3-host.ts';
import type { Section, SectionValue } from './section.ts';
import type { MapEntry, TextTree } from './tree.ts';

/** What a replica's URL says, as if it had been written in keys. */
export function urlSection(
  url: Exclude<ReplicaUrl, { kind: 'problem' }>,
  given: SectionValue,
  reading: ConfigReading,
): Section {
  const entries = new Map<string, MapEntry>();
  const put = (name: string, text: string): void => {
    const value: TextTree = { kind: 'text', text, template: text, where: given.where, unset: [], empty: [] };
    entries.set(name, { where: given.where, value });
  };
  if (url.kind === 'store') {
    const host = url.type === 's3' ? parseS3Host(url.host) : { [placeKeys[url.type][0]]: url.host };
    for (const [name, value] of Object.entries(host)) put(hostKeys[name] ?? name, String(value));
    const account = url.type === 'abs' && !url.user?.includes(':') ? url.user : undefined;
    if (account !== undefined) put('account-name', account);
    else if (url.user !== undefined && (url.type === 's3' || url.type === 'abs')) {
      const keys = url.type === 's3' ? 'access-key-id and secret-access-key' : 'account-name and account-key';
      const hint = `use ${keys}, or the environment`;
      addProblem(reading, given.where, 'CONFIG_VALUE', '"url" holds credentials, and URLs end up in logs', hint);
    }
  }
  put('path', url.path);
  for (const [name, value] of url.query) putParameter(url, name, value, given, reading, put);
  return readSection({ kind: 'map', where: given.where, entries }, 'replica', reading);
}

const hostKeys: Readonly<Record<string, string>> = { forcePathStyle: 'force-path-style' };

function putParameter(
  url: Exclude<ReplicaUrl, { kind: 'problem' }>,
  parameter: QueryParameter[0],
  value: QueryParameter[1],
  given: SectionValue,
  reading: ConfigReading,
  put: (name: string, text: string) => void,
): void {
  const type = url.kind === 'folder' ? 'file' : url.type;
  // Both spellings occur: forcePathStyle in Litestream's own documents, force-path-style as in the file.
  const name = parameter.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase();
  const rule = keyTable.find((one) => one.name === name && one.types?.includes(type));
  if (rule === undefined || name === 'bucket' || name === 'container') {
    const shown = /^[A-Za-z][\w-]{0,40}$/.test(parameter) ? `"${parameter}"` : 'one of them';
    const message = `"url" has a query parameter that replicas of type ${type} do not know: ${shown}`;
    addProblem(reading, given.where, 'CONFIG_UNKNOWN_KEY', message, 'remove it; docs/configuration.md lists them');
  } else if (rule.takes.kind === 'secret') {
    const message = `"url" holds "${name}", and URLs end up in logs`;
    addProblem(reading, given.where, 'CONFIG_VALUE', message, `write ${name} as a key of its own`);
  } else {
    put(name, value);
  }
}

/**
 * The variables that a URL needs and that are not set, by what they would have given: the bucket or folder (then the
 * replica is not configured), or its path (then it is a mistake). Those of the query are optional, as keys are.
 */
export function unsetInUrl(
  url: SectionValue,
  lookup: LookupVariable,
): { readonly store: readonly string[]; readonly path: readonly string[] } {
  const match = /^([a-z][a-z0-9+.-]*:\/\/[^/?#]*)([^?#]*)/i.exec(url.template.trim());
  if (url.unset.length === 0 || match === null || /^file:/i.test(url.template)) return { store: url.unset, path: [] };
  const [authority, path] = [match[1] ?? '', match[2] ?? ''].map((part) => expandVariables(part, lookup));
  if (authority?.kind !== 'expanded' || path?.kind !== 'expanded') return { store: url.unset, path: [] };
  return { store: authority.unset, path: path.unset };
}
