import { setImmediate as nextTurn } from 'node:timers/promises';
import { StationError } from '../errors.ts';
import { LtxEncoder } from './encoder.ts';
import type { LtxHeader } from './header.ts';
import { MergeInput } from './merge-input.ts';
import { MergeQueue } from './merge-queue.ts';

/** Decoded pages held of each input, in bytes, and of all of them together; at least one page of each. */
const INPUT_BATCH = 256 * 1024;
const ALL_BATCHES = 16 * 1024 * 1024;
const CHUNK_SIZE = 256 * 1024;

export interface MergeOptions {
  /** Least size in bytes of the chunks given, the last one aside. */
  readonly chunkSize?: number;
}

/**
 * Merges LTX files, oldest first, into the one file that does what they do in a row: of each page the newest image,
 * nothing past the final end of the database. The result takes its commit, max TXID and timestamp from the last file,
 * page size and min TXID from the first.
 *
 * All inputs are open at once, and each is verified to its end. Memory does not depend on their sizes. Nothing given is
 * of use unless the generator ends without an error.
 *
 * Throws LTX_INVALID, LTX_TRUNCATED, LTX_CHECKSUM; LTX_NOT_CONTIGUOUS if TXIDs are missing between two inputs; and what
 * an input throws.
 */
export async function* mergeLtx(
  inputs: readonly AsyncIterable<Uint8Array>[],
  options: MergeOptions = {},
): AsyncGenerator<Uint8Array, void> {
  const opened = inputs.map((source, order) => new MergeInput(source, order));
  try {
    const encoder = new LtxEncoder(mergeHeaders(await readHeaders(opened)));
    yield* mergeInto(encoder, opened, options.chunkSize ?? CHUNK_SIZE);
  } finally {
    // After an error that one counts, not what closing the other inputs makes of it.
    await Promise.allSettled(opened.map((input) => input.close()));
  }
}

/**
 * The header of the merged file, from those of its inputs, oldest first. Inputs may overlap, if each one goes further
 * than the one before it. Throws LTX_INVALID, LTX_NOT_CONTIGUOUS.
 */
export function mergeHeaders(headers: readonly LtxHeader[]): LtxHeader {
  const first = headers[0];
  const last = headers.at(-1);
  if (first === undefined || last === undefined) throw new StationError('LTX_INVALID', 'there is no file to merge');
  headers.reduce((previous, next) => {
    checkNeighbours(previous, next);
    return next;
  });
  return {
    pageSize: first.pageSize,
    commit: last.commit,
    minTxid: first.minTxid,
    maxTxid: last.maxTxid,
    timestamp: last.timestamp,
    wal: { offset: 0, size: 0, salt1: 0, salt2: 0 },
    checksums: 'none',
    nodeId: 0n,
  };
}

function checkNeighbours(previous: LtxHeader, next: LtxHeader): void {
  const both = `TXIDs ${previous.minTxid} to ${previous.maxTxid} and ${next.minTxid} to ${next.maxTxid}`;
  if (next.pageSize !== previous.pageSize) {
    throw new StationError(
      'LTX_INVALID',
      `the files of ${both} have page sizes ${previous.pageSize} and ${next.pageSize}`,
    );
  }
  if (next.minTxid > previous.maxTxid + 1 || next.maxTxid <= previous.maxTxid) {
    throw new StationError('LTX_NOT_CONTIGUOUS', `${both} do not follow each other`);
  }
}

async function readHeaders(inputs: readonly MergeInput[]): Promise<readonly LtxHeader[]> {
  // All must have settled before any may be closed.
  const results = await Promise.allSettled(inputs.map((input) => input.readHeader()));
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

async function* mergeInto(
  encoder: LtxEncoder,
  inputs: readonly MergeInput[],
  chunkSize: number,
): AsyncGenerator<Uint8Array, void> {
  const batchSize = Math.min(INPUT_BATCH, ALL_BATCHES / inputs.length);
  const queue = new MergeQueue();
  for (const input of inputs) {
    if (await input.advance(batchSize)) queue.add(input);
  }
  const output = new ChunkGatherer();
  output.add(encoder.start());
  let last = 0;
  for (let input = queue.first; input !== undefined; input = queue.first) {
    const page = input.page;
    if (page !== undefined && page.number > last && page.number <= encoder.header.commit) {
      output.add(encoder.page(page.number, page.data));
      last = page.number;
      if (output.size >= chunkSize) {
        yield output.take();
        // Compressed pages are in native memory, which is not freed before the event loop turns; nor must a long merge
        // of files at hand keep everything else waiting.
        await nextTurn();
      }
    }
    if (input.step() || (await input.advance(batchSize))) queue.settleFirst();
    else queue.removeFirst();
  }
  for (const piece of encoder.finishInPieces()) {
    output.add(piece);
    if (output.size >= chunkSize) yield output.take();
  }
  if (output.size > 0) yield output.take();
}

/** Small pieces on their way to become one chunk. */
class ChunkGatherer {
  #pieces: Uint8Array[] = [];
  size = 0;

  add(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.size += piece.length;
  }

  take(): Uint8Array {
    const chunk = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.size = 0;
    return chunk;
  }
}
