import type { ReplicaType } from './config.ts';
import { placeKeys } from './place-keys.ts';
import { readSection } from './read-section.ts';
import { addProblem } from './reading.ts';
import { replicaOfType } from './replica-of-type.ts';
import type { FoundReplica, ReplicaReading } from './replica-reading.ts';
import { parseReplicaUrl } from './replica-url.ts';
import type { Section, SectionValue } from './section.ts';
import type { MapTree } from './tree.ts';
import { unsetInUrl, urlSection } from './url-section.ts';

/** One replica of the file, of the environment, or of a command line. */
export function readReplica(map: MapTree, replica: ReplicaReading): FoundReplica {
  const section = readSection(map, 'replica', replica.reading);
  const url = section.values.get('url');
  const urlVariables = section.blank.get('url') ?? [];
  if (url !== undefined) return replicaOfUrl(url, section, replica);
  const written = section.values.get('type');
  const type = written === undefined ? defaultType(section, urlVariables, replica) : typeOf(String(written.value));
  const base = { type, baseName: String(written?.value ?? type), givenName: section.values.get('name') };
  if (urlVariables.length > 0 && !placeKeys[type].some((key) => section.values.has(key))) {
    return { ...base, outcome: { kind: 'not-configured', replica: { type, variables: urlVariables } } };
  }
  const outcome = replicaOfType(type, section, undefined, replica);
  return { ...base, outcome };
}

function replicaOfUrl(url: SectionValue, section: Section, replica: ReplicaReading): FoundReplica {
  const { reading } = replica;
  const givenName = section.values.get('name');
  const written = section.values.get('type');
  const unset = unsetInUrl(url, replica.lookup);
  const parsed = parseReplicaUrl(String(url.value));
  const readable = parsed.kind === 'store' ? parsed.type : 'file';
  const type = unset.store.length > 0 && written !== undefined ? typeOf(String(written.value)) : readable;
  const base = { type, baseName: parsed.kind === 'store' ? parsed.scheme : type, givenName };
  const wrong = (where: SectionValue['where'], message: string, hint: string): FoundReplica => {
    addProblem(reading, where, 'CONFIG_VALUE', message, hint);
    return { ...base, outcome: { kind: 'wrong' } };
  };
  if (unset.store.length > 0) {
    return { ...base, outcome: { kind: 'not-configured', replica: { type, variables: unset.store } } };
  }
  if (parsed.kind === 'problem') return wrong(url.where, `"url" ${parsed.problem}`, parsed.hint);
  if (unset.path.length > 0) {
    addProblem(
      reading,
      url.where,
      'CONFIG_ENVIRONMENT',
      `"url" needs ${unset.path.join(', ')} for its path, which is not set`,
      'set it, or the replica would be in another place than meant',
    );
  }
  for (const name of ['bucket', 'container', 'path']) {
    const twice = section.values.get(name);
    if (twice === undefined) continue;
    return wrong(twice.where, `"${name}" and "url" are both given`, `keep "url", which names the ${name} already`);
  }
  if (written !== undefined && typeOf(String(written.value)) !== type) {
    return wrong(written.where, `"type" is ${written.value}, and "url" names type ${type}`, 'remove "type"');
  }
  return { ...base, outcome: replicaOfType(type, section, urlSection(parsed, url, reading), replica) };
}

/** Litestream's default is a folder; with a bucket that would write to a place nobody meant. */
function defaultType(section: Section, urlVariables: readonly string[], replica: ReplicaReading): ReplicaType {
  if (urlVariables.length > 0) return 's3';
  if (section.values.has('bucket') || section.blank.has('bucket')) {
    const hint = 'write "type: s3" beside "bucket"';
    addProblem(replica.reading, section.where, 'CONFIG_VALUE', 'the replica has a "bucket" and no "type"', hint);
    return 's3';
  }
  return 'file';
}

function typeOf(written: string): ReplicaType {
  return (written === 'gcs' ? 'gs' : written) as ReplicaType;
}
