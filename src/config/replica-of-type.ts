import { type Milliseconds, milliseconds } from '../quantities.ts';
import type { StoreOptions } from '../storage/store-options.ts';
import { readAgeKeys } from './age-keys.ts';
import { readAzureOptions } from './azure-options.ts';
import type { ReplicaConfig, ReplicaType } from './config.ts';
import { readGcsOptions } from './gcs-options.ts';
import { placeKeys } from './place-keys.ts';
import { addProblem } from './reading.ts';
import type { FoundReplica, ReplicaReading, Unnamed } from './replica-reading.ts';
import { resolvePath } from './resolve-path.ts';
import { readS3Options } from './s3-options.ts';
import { find, findBoolean, findDuration, findSize, type Section, type SectionValue } from './section.ts';

const hour = 3_600_000;

/** A replica of a known type: its own keys before its URL's, and those before the file's defaults. */
export function replicaOfType(
  type: ReplicaType,
  own: Section,
  url: Section | undefined,
  replica: ReplicaReading,
): FoundReplica['outcome'] {
  const { reading, top } = replica;
  reportKeysOfOtherTypes(type, own, replica);
  const ofReplica = url === undefined ? [own] : [own, url];
  // A path names a place of one replica, so it has no default; a bucket has.
  const sections = [...ofReplica, top];
  const keys = placeKeys[type];
  const [key] = keys;
  const place = findPlace(sections, keys, replica);
  const blank = sections.flatMap((section) => keys.flatMap((one) => section.blank.get(one) ?? []));
  const missing = place === undefined ? blank : place.unset;
  if (missing.length > 0) return { kind: 'not-configured', replica: { type, variables: missing } };
  if (place === undefined) {
    addProblem(reading, own.where, 'CONFIG_VALUE', `the ${type} replica has no "${key}"`, `add "${key}:"`);
    return { kind: 'wrong' };
  }
  const text = String(place.value);
  const wrong = wrongPlace(type, key, text);
  if (wrong !== undefined) {
    addProblem(reading, place.where, 'CONFIG_VALUE', `"${place.rule.name}" ${wrong[0]}`, wrong[1]);
    return { kind: 'wrong' };
  }
  const store = readStore(type, text, sections, replica);
  const age = readAgeKeys(sections, replica);
  if (store === undefined) return { kind: 'wrong' };
  const whole = age === undefined ? store : { ...store, age };
  return { kind: 'configured', replica: withSchedule(whole, sections, replica) };
}

function readStore(
  type: ReplicaType,
  place: string,
  sections: readonly Section[],
  replica: ReplicaReading,
): StoreOptions | undefined {
  const { reading } = replica;
  const path = find(sections, 'path');
  if (type === 'file') return { type: 'file', path: resolvePath(place, replica.context) };
  if (path !== undefined && path.unset.length > 0) {
    const message = `"path" needs ${path.unset.join(', ')}, which is not set`;
    const hint = 'set it, or the replica would be in another place than meant';
    addProblem(reading, path.where, 'CONFIG_ENVIRONMENT', message, hint);
  }
  if (type === 's3') return readS3Options(place, sections, replica);
  if (type === 'abs') return readAzureOptions(place, sections, replica);
  if (type === 'gs') return readGcsOptions(place, sections, replica);
  const where = sections[0]?.values.get('type')?.where ?? sections[0]?.where ?? replica.top.where;
  const message = `replicas of type ${type} are not supported`;
  addProblem(reading, where, 'CONFIG_UNSUPPORTED', message, `${insteadOf[type]}, or remove this replica`);
  return undefined;
}

const others = 'use type s3, gcs, abs or file';
/** What to write instead of the types that only Litestream has. */
const insteadOf = {
  sftp: others,
  webdav: others,
  nats: others,
  oss: 'OSS speaks S3 too: write type s3 with "endpoint: https://oss-REGION.aliyuncs.com", and let doctor say whether it is fit',
} as const;

/** The first section that says it decides; in one section, two keys that mean the same exclude each other. */
function findPlace(
  sections: readonly Section[],
  keys: readonly string[],
  { reading }: ReplicaReading,
): SectionValue | undefined {
  for (const section of sections) {
    const [place, second] = keys.flatMap((key) => section.values.get(key) ?? []);
    if (place === undefined) continue;
    if (second !== undefined) {
      const message = `"${place.rule.name}" and "${second.rule.name}" are both given`;
      addProblem(reading, second.where, 'CONFIG_VALUE', message, 'keep one of them, they mean the same');
    }
    return place;
  }
  return undefined;
}

function wrongPlace(type: ReplicaType, key: string, text: string): readonly [string, string] | undefined {
  if (key === 'bucket' && !/^(arn:[^\s]+|[A-Za-z0-9][A-Za-z0-9._-]*)$/.test(text)) {
    return [
      'is no name of a bucket',
      'write the bare name; a server and a path have keys of their own, endpoint and path',
    ];
  }
  if (key === 'bucket' && /^[0-9.]+$/.test(text) && text.includes('.')) {
    return ['is an address', 'write s3://bucket/path?endpoint=http://address:port'];
  }
  if (type === 'file' && /^\w+:\/\//.test(text)) return ['is a URL', 'write it as "url:"'];
  return undefined;
}

function reportKeysOfOtherTypes(type: ReplicaType, own: Section, { reading }: ReplicaReading): void {
  for (const [name, { rule, where }] of own.values) {
    if (rule.types === undefined || rule.types.includes(type)) continue;
    const message = `"${name}" belongs to replicas of type ${rule.types.join(', ')}; this one is of type ${type}`;
    addProblem(reading, where, 'CONFIG_VALUE', message, `remove it, or write "type: ${rule.types[0]}"`);
  }
}

function withSchedule(
  store: StoreOptions,
  sections: readonly Section[],
  { database, top }: ReplicaReading,
): Unnamed<ReplicaConfig> {
  const outer = [database, top];
  return {
    store,
    syncInterval: findDuration(sections, 'sync-interval') ?? milliseconds(10_000),
    maxUploadRate: findSize(sections, 'max-upload-rate'),
    snapshotInterval:
      findDuration(sections, 'snapshot-interval') ??
      findDuration(outer, 'snapshot.interval') ??
      milliseconds(24 * hour),
    retention: {
      enabled: findBoolean([top], 'retention.enabled') ?? true,
      duration:
        findDuration(sections, 'retention') ?? findDuration(outer, 'snapshot.retention') ?? milliseconds(24 * hour),
      checkInterval: findDuration(sections, 'retention-check-interval') ?? milliseconds(hour),
    },
    validationInterval: findVerification(sections, top),
    where: sections[0]?.where.text ?? top.where.text,
  };
}

/** Litestream's own keys take any interval, and 0 for none. */
function findVerification(sections: readonly Section[], top: Section): Milliseconds | undefined {
  const own = findDuration(sections, 'verify-interval');
  if (own !== undefined) return own;
  const theirs = findDuration(sections, 'validation-interval') ?? findDuration([top], 'validation.interval');
  return theirs === undefined || theirs === 0 ? undefined : milliseconds(Math.max(theirs, hour));
}
