import { posix } from 'node:path';
import type { ReplicaType } from './config.ts';

export type ReplicaUrl =
  | { readonly kind: 'folder'; readonly path: string; readonly query: readonly QueryParameter[] }
  | {
      readonly kind: 'store';
      readonly type: Exclude<ReplicaType, 'file'>;
      /** The scheme as written, for the replica's name. */
      readonly scheme: string;
      readonly host: string;
      /** What is before the `@`. */
      readonly user: string | undefined;
      /** Without a leading or trailing slash. */
      readonly path: string;
      readonly query: readonly QueryParameter[];
    }
  | { readonly kind: 'problem'; readonly problem: string; readonly hint: string };

export type QueryParameter = readonly [name: string, value: string];

const schemes: Readonly<Record<string, Exclude<ReplicaType, 'file'>>> = {
  s3: 's3',
  gs: 'gs',
  gcs: 'gs',
  abs: 'abs',
  sftp: 'sftp',
  webdav: 'webdav',
  webdavs: 'webdav',
  nats: 'nats',
  oss: 'oss',
};

/** Takes the `url:` of a replica apart: `s3://bucket/path?…`, `file:///folder`, `file:folder`, or a folder as it is. */
export function parseReplicaUrl(url: string): ReplicaUrl {
  const text = url.trim();
  if (/^file:/i.test(text)) return parseFileUrl(text.slice('file:'.length));
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?/i.exec(text);
  if (match === null) return { kind: 'folder', path: text, query: [] };
  const [, scheme = '', authority = '', path = '', query = ''] = match;
  const type = schemes[scheme.toLowerCase()];
  if (type === undefined) {
    return {
      kind: 'problem',
      problem: 'has a scheme that names no kind of store',
      hint: 'write s3://bucket/path, file:///folder, or the path of a folder',
    };
  }
  // An access point's ARN holds colons and one slash of its own.
  const accessPoint = /^(arn:[^/]*:accesspoint)$/i.test(authority) ? /^\/([^/]+)/.exec(path)?.[0] : undefined;
  const at = authority.lastIndexOf('@');
  const host = authority.slice(at + 1) + (accessPoint ?? '');
  return {
    kind: 'store',
    type,
    scheme: scheme.toLowerCase(),
    host,
    user: at < 0 ? undefined : authority.slice(0, at),
    path: cleanPath(path.slice(accessPoint?.length ?? 0)),
    query: [...new URLSearchParams(query)],
  };
}

/** `file:///a`, `file:/a`, `file:a/b`, `file://a/b` (Litestream reads the last as `/a/b`), `file:~/a`. */
function parseFileUrl(rest: string): ReplicaUrl {
  const [path = '', query = ''] = rest.split('?', 2);
  const afterSlashes = path.replace(/^\/\/(?=[^/])(?!~)/, '/').replace(/^\/\//, '');
  return { kind: 'folder', path: afterSlashes, query: [...new URLSearchParams(query)] };
}

function cleanPath(path: string): string {
  return posix.normalize(`/${decode(path)}`).replace(/^\/+|\/+$/g, '');
}

/** A stray percent sign is no reason to refuse a path. */
function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
