import type { IncomingMessage } from 'node:http';
import { S3Refusal } from './s3-refusal.ts';
import { hmac, type Signed, sha256, splitOnce } from './s3-signature.ts';

const EMPTY = sha256('');

/**
 * The content of an `aws-chunked` body. Chunk and trailer signatures are checked where the payload says they are there.
 * @param trailer filled with the trailing headers once all content was read
 */
export async function* decodeAwsChunked(
  request: IncomingMessage,
  signed: Signed,
  trailer: Record<string, string>,
): AsyncGenerator<Buffer> {
  const withSignatures = signed.payload.startsWith('STREAMING-AWS4-HMAC-SHA256-PAYLOAD');
  const reader = new ByteReader(request);
  let previous = signed.signature;
  for (;;) {
    const [size = '', signature] = (await reader.line()).split(';chunk-signature=');
    const length = Number.parseInt(size, 16);
    if (!Number.isInteger(length)) throw malformed();
    const chunk = await reader.take(length);
    if (withSignatures) {
      const text = ['AWS4-HMAC-SHA256-PAYLOAD', signed.date, signed.scope, previous, EMPTY, sha256(chunk)].join('\n');
      previous = hmac(signed.signingKey, text).toString('hex');
      if (previous !== signature) throw mismatch();
    }
    if (length === 0) break;
    if ((await reader.line()) !== '') throw malformed();
    yield chunk;
  }
  let canonical = '';
  for (let line = await reader.line(); line !== ''; line = await reader.line()) {
    const [name, value = ''] = splitOnce(line, ':');
    if (name === 'x-amz-trailer-signature') {
      const text = ['AWS4-HMAC-SHA256-TRAILER', signed.date, signed.scope, previous, sha256(canonical)].join('\n');
      if (hmac(signed.signingKey, text).toString('hex') !== value.trim()) throw mismatch();
      continue;
    }
    trailer[name.toLowerCase()] = value.trim();
    canonical += `${name.toLowerCase()}:${value.trim()}\n`;
  }
}

const malformed = () => new S3Refusal(400, 'InvalidRequest', 'The aws-chunked body is malformed.');
const mismatch = () => new S3Refusal(403, 'SignatureDoesNotMatch', 'A chunk signature does not match.');

class ByteReader {
  readonly #source: AsyncIterator<Buffer>;
  #buffered = Buffer.alloc(0);

  constructor(request: IncomingMessage) {
    this.#source = (request as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  }

  /** A line without its CRLF; the end of the body counts as an empty one. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#buffered.indexOf('\r\n');
      if (end !== -1) {
        const line = this.#buffered.toString('latin1', 0, end);
        this.#buffered = this.#buffered.subarray(end + 2);
        return line;
      }
      if (!(await this.#more())) return '';
    }
  }

  async take(length: number): Promise<Buffer> {
    while (this.#buffered.length < length) {
      if (!(await this.#more())) throw new S3Refusal(400, 'IncompleteBody', 'The body ended within a chunk.');
    }
    const taken = this.#buffered.subarray(0, length);
    this.#buffered = this.#buffered.subarray(length);
    return taken;
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#source.next();
    if (done === true) return false;
    this.#buffered = Buffer.concat([this.#buffered, value]);
    return true;
  }
}
