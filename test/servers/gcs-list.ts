import { json, type OperationContext, resource } from './gcs-operations.ts';
import { invalid } from './gcs-refusal.ts';
import type { Reply } from './s3-operations.ts';

/** Objects in the order of their names' UTF-8 bytes, from `startOffset` (which belongs to the list) on. */
export function listObjects({ bucket, request }: OperationContext): Reply {
  const { query } = request;
  const prefix = query.get('prefix') ?? '';
  const start = Buffer.from(query.get('startOffset') ?? '');
  const after = afterOf(query.get('pageToken'));
  const most = Math.min(1000, Number(query.get('maxResults') ?? 1000));
  const sorted = [...bucket.objects.values()]
    .filter((object) => object.name.startsWith(prefix))
    .map((object) => ({ object, bytes: Buffer.from(object.name) }))
    .filter(({ bytes }) => Buffer.compare(bytes, start) >= 0)
    .filter(({ bytes }) => after === undefined || Buffer.compare(bytes, after) > 0)
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes));
  const page = sorted.slice(0, most);
  const last = page.at(-1)?.object.name ?? '';
  const answer = {
    kind: 'storage#objects',
    ...(sorted.length > page.length ? { nextPageToken: tokenOf(last) } : {}),
    ...(page.length === 0 ? {} : { items: page.map(({ object }) => resource(request.bucket, object)) }),
  };
  return json(selected(answer, query.get('fields')));
}

const tokenOf = (name: string) => Buffer.from(name).toString('base64url');

function afterOf(token: string | null): Buffer | undefined {
  if (token === null || token === '') return undefined;
  const name = Buffer.from(token, 'base64url');
  if (tokenOf(name.toString('utf8')) !== token) throw invalid('Invalid Value');
  return name;
}

/** A partial answer: `kind,nextPageToken,items(name,size)`. What is not asked for is not there. */
function selected(answer: Readonly<Record<string, unknown>>, fields: string | null): Readonly<Record<string, unknown>> {
  const [, inner] = /\bitems\(([^)]*)\)/.exec(fields ?? '') ?? [];
  if (fields === null || inner === undefined) return answer;
  const top = fields.replace(/\([^)]*\)/, '').split(',');
  const names = inner.split(',');
  const pick = (value: object, kept: readonly string[]) =>
    Object.fromEntries(Object.entries(value).filter(([name]) => kept.includes(name)));
  const { items } = answer;
  return {
    ...pick(answer, top),
    ...(Array.isArray(items) ? { items: items.map((item: object) => pick(item, names)) } : {}),
  };
}
