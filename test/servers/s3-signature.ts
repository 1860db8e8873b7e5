import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { S3Refusal } from './s3-refusal.ts';

/** AWS Signature Version 4 in headers, checked as S3 checks it. */
export interface Identity {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** Where given, a signature for any other region is refused as AWS does. */
  readonly region?: string;
}

/** What a checked request leaves to be checked: its body. */
export interface Signed {
  readonly payload: string;
  readonly signature: string;
  readonly date: string;
  readonly scope: string;
  readonly signingKey: Buffer;
}

const MAX_SKEW = 15 * 60 * 1000;

export const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex');
export const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest();

export function checkSignature(request: IncomingMessage, identity: Identity, now: number): Signed {
  const authorization = request.headers.authorization;
  if (authorization === undefined) throw new S3Refusal(403, 'AccessDenied', 'Access Denied');
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      authorization,
    );
  if (match === null)
    throw new S3Refusal(400, 'AuthorizationHeaderMalformed', 'The authorization header is malformed.');
  const [, accessKeyId = '', day = '', region = '', names = '', signature = ''] = match;
  const date = headerOf(request, 'x-amz-date');
  checkTime(date, day, now);
  if (accessKeyId !== identity.accessKeyId) {
    throw new S3Refusal(403, 'InvalidAccessKeyId', 'The access key id does not exist in our records.');
  }
  if (identity.region !== undefined && region !== identity.region) {
    const text = `The authorization header is malformed; the region '${region}' is wrong; expecting '${identity.region}'`;
    throw new S3Refusal(400, 'AuthorizationHeaderMalformed', text, { 'x-amz-bucket-region': identity.region });
  }
  if (identity.sessionToken !== undefined && request.headers['x-amz-security-token'] !== identity.sessionToken) {
    throw new S3Refusal(400, 'InvalidToken', 'The provided token is malformed or otherwise invalid.');
  }
  const signed = names.split(';');
  checkSignedHeaders(request, signed);
  const payload = headerOf(request, 'x-amz-content-sha256');
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${sha256(canonicalRequest(request, signed, payload))}`;
  const signingKey = [day, region, 's3', 'aws4_request'].reduce<Buffer>(
    (key, part) => hmac(key, part),
    Buffer.from(`AWS4${identity.secretAccessKey}`),
  );
  if (!timingSafeEqual(hmac(signingKey, text), Buffer.from(signature, 'hex'))) {
    throw new S3Refusal(
      403,
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided.',
    );
  }
  return { payload, signature, date, scope, signingKey };
}

function headerOf(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  if (typeof value === 'string') return value;
  throw new S3Refusal(400, 'InvalidRequest', `Missing required header for this request: ${name}`);
}

function checkTime(date: string, day: string, now: number): void {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date);
  if (parts === null) throw new S3Refusal(403, 'AccessDenied', 'AWS authentication requires a valid x-amz-date.');
  const [year = 0, month = 0, dayOfMonth = 0, hour = 0, minute = 0, second = 0] = parts.slice(1).map(Number);
  const time = Date.UTC(year, month - 1, dayOfMonth, hour, minute, second);
  if (Math.abs(time - now) > MAX_SKEW) {
    const text = 'The difference between the request time and the current time is too large.';
    throw new S3Refusal(403, 'RequestTimeTooSkewed', text);
  }
  if (!date.startsWith(day)) throw new S3Refusal(403, 'SignatureDoesNotMatch', 'The credential scope has another day.');
}

/** Host and everything of Amazon's own must be under the signature. */
function checkSignedHeaders(request: IncomingMessage, signed: readonly string[]): void {
  const required = Object.keys(request.headers).filter((name) => name === 'host' || name.startsWith('x-amz-'));
  const missing = required.filter((name) => !signed.includes(name));
  if (missing.length > 0) {
    throw new S3Refusal(403, 'AccessDenied', `There were headers which were not signed: ${missing.join(', ')}`);
  }
}

function canonicalRequest(request: IncomingMessage, signed: readonly string[], payload: string): string {
  const [path = '/', query = ''] = splitOnce(request.url ?? '/', '?');
  const headers = signed.map(
    (name) =>
      `${name}:${String(request.headers[name] ?? '')
        .trim()
        .replace(/ +/g, ' ')}\n`,
  );
  return [
    request.method,
    path
      .split('/')
      .map((segment) => uriEncode(decodeURIComponent(segment)))
      .join('/'),
    canonicalQuery(query),
    headers.join(''),
    signed.join(';'),
    payload,
  ].join('\n');
}

function canonicalQuery(query: string): string {
  if (query === '') return '';
  const pairs = query.split('&').map((pair) => {
    const [name, value = ''] = splitOnce(pair, '=');
    return [uriEncode(decodeURIComponent(name)), uriEncode(decodeURIComponent(value))] as const;
  });
  pairs.sort((a, b) => (a[0] === b[0] ? (a[1] < b[1] ? -1 : 1) : a[0] < b[0] ? -1 : 1));
  return pairs.map(([name, value]) => `${name}=${value}`).join('&');
}

export function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** RFC 3986: encodeURIComponent leaves five characters that Amazon encodes. */
export function uriEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
