import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { crc32 } from 'node:zlib';
import { decodeAwsChunked } from './s3-aws-chunked.ts';
import type { Content, Spool } from './s3-content.ts';
import { S3Refusal } from './s3-refusal.ts';
import type { Signed } from './s3-signature.ts';

export interface ReceivedBody {
  readonly content: Content;
  readonly size: number;
  readonly md5: Buffer;
  readonly checksums: Readonly<Record<string, string>>;
}

/** Takes a request's body in, checking all that came with it: signed hash, length, MD5, checksums in headers or trailer. */
export async function receiveBody(request: IncomingMessage, signed: Signed, spool: Spool): Promise<ReceivedBody> {
  const streaming = signed.payload.startsWith('STREAMING-');
  const trailer: Record<string, string> = {};
  const source = streaming ? decodeAwsChunked(request, signed, trailer) : request;
  const hashes = { sha256: createHash('sha256'), md5: createHash('md5'), sha1: createHash('sha1') };
  let crc = 0;
  const writer = spool.writer();
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      for (const hash of Object.values(hashes)) hash.update(chunk);
      crc = crc32(chunk, crc);
      await writer.write(chunk);
    }
    const checked = { sha256: hashes.sha256.digest(), md5: hashes.md5.digest(), sha1: hashes.sha1.digest(), crc };
    const promised = Number(request.headers[streaming ? 'x-amz-decoded-content-length' : 'content-length'] ?? 0);
    if (promised !== writer.size()) {
      throw new S3Refusal(400, 'IncompleteBody', 'The request body is not as long as it promised.');
    }
    if (!streaming && signed.payload !== 'UNSIGNED-PAYLOAD' && checked.sha256.toString('hex') !== signed.payload) {
      throw new S3Refusal(400, 'XAmzContentSHA256Mismatch', "The 'x-amz-content-sha256' header does not match.");
    }
    const checksums = checkChecksums({ ...checksumHeadersOf(request), ...trailer }, checked);
    const contentMd5 = request.headers['content-md5'];
    if (contentMd5 !== undefined && contentMd5 !== checked.md5.toString('base64')) throw badDigest('Content-MD5');
    return { content: await writer.finish(), size: writer.size(), md5: checked.md5, checksums };
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

const valuePrefix = 'x-amz-checksum-';

function checksumHeadersOf(request: IncomingMessage): Record<string, string> {
  const names = Object.keys(request.headers).filter((name) => /^x-amz-checksum-(crc|sha)/.test(name));
  return Object.fromEntries(names.map((name) => [name, String(request.headers[name])]));
}

function checkChecksums(
  given: Readonly<Record<string, string>>,
  computed: { readonly sha256: Buffer; readonly sha1: Buffer; readonly crc: number },
): Record<string, string> {
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(computed.crc);
  const values: Readonly<Record<string, Buffer>> = { crc32: crc, sha1: computed.sha1, sha256: computed.sha256 };
  const checked: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    if (!name.startsWith(valuePrefix)) continue;
    const expected = values[name.slice(valuePrefix.length)];
    if (expected === undefined) throw new S3Refusal(501, 'NotImplemented', `This server does not compute ${name}.`);
    if (expected.toString('base64') !== value) throw badDigest(name);
    checked[name] = value;
  }
  return checked;
}

function badDigest(name: string): S3Refusal {
  return new S3Refusal(400, 'BadDigest', `The ${name} you specified did not match what we received.`);
}
