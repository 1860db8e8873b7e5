import { type FileHandle, open } from 'node:fs/promises';
import { StationError } from '../errors.ts';
import { faultPoint } from '../fault-points.ts';
import { LtxDecoder } from '../ltx/decoder.ts';
import { formatTxid } from '../ltx/file-name.ts';
import type { LtxHeader } from '../ltx/header.ts';
import { type Bytes, bytes, type Milliseconds } from '../quantities.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { LtxPosition } from './answer.ts';
import { CHECKSUM_HEADER_SIZE, encodeChecksumHeader } from './checksum-file.ts';
import type { ReplicaFile } from './inventory.ts';
import { PageWriter } from './page-writer.ts';
import type { RestorePlan } from './plan.ts';
import { isDamage, named } from './position.ts';
import { fetchFiles } from './segments.ts';
import { writeError } from './write-error.ts';

/** Compressed bytes decoded at a time: pages of zeros shrink a hundredfold, and all pages of a step are in memory. */
const SLICE = 64 * 1024;

export interface ApplyJob {
  readonly store: ObjectStore;
  readonly plan: RestorePlan;
  /** What the plan's end promises. */
  readonly position: Pick<LtxPosition, 'txid' | 'pageSize' | 'commit'>;
  /** Path of the database file to make; it must not exist. */
  readonly databaseFile: string;
  /** Path of the checksum file to make; undefined: none. */
  readonly checksumFile: string | undefined;
  readonly parallelism: number;
  readonly progress: (done: Bytes, total: Bytes) => void;
  readonly signal: AbortSignal;
}

export type Applied =
  | { readonly kind: 'applied'; readonly timestamp: Milliseconds; readonly bytesDownloaded: Bytes }
  /** This file is not what its name promises; what was written so far is of no use. */
  | { readonly kind: 'damaged'; readonly file: ReplicaFile; readonly error: StationError };

interface OpenFile {
  readonly file: ReplicaFile;
  readonly decoder: LtxDecoder;
  headerChecked: boolean;
}

/**
 * Fetches the files of a plan, oldest first, and lays their pages over each other in a new database file: of each page
 * up to the final size, the newest image stays, exactly as in stock Litestream's merge. A database that shrank between
 * is not cut in between. Every checksum of every file is verified.
 *
 * Memory: 12 MiB of downloads, two batches of 1 MiB, and one bit a page, whatever the size of the database.
 * @throws StationError DATA_FOLDER or RESTORE_WRITE where the disk refuses, and what the store throws
 */
export async function applyPlan(job: ApplyJob): Promise<Applied> {
  const { pageSize, commit, txid } = job.position;
  const database = await create(job.databaseFile, pageSize * commit);
  let checksums: FileHandle | undefined;
  let writer: PageWriter | undefined;
  try {
    if (job.checksumFile !== undefined) {
      checksums = await create(job.checksumFile, CHECKSUM_HEADER_SIZE + commit * 8);
    }
    writer = new PageWriter(database, checksums, pageSize, commit);
    const applied = await applyFiles(job, writer);
    if (applied.kind === 'damaged') return applied;
    await finishChecksums(checksums, encodeChecksumHeader({ pageSize, commit, txid }));
    return applied;
  } finally {
    await writer?.close();
    await database.close();
    await checksums?.close();
  }
}

async function applyFiles(job: ApplyJob, writer: PageWriter): Promise<Applied> {
  const headers: LtxHeader[] = [];
  let current: OpenFile | undefined;
  let done = 0;
  try {
    for await (const piece of fetchFiles(job.store, job.plan.files, job.parallelism, job.signal)) {
      if (piece.kind === 'damaged') return piece;
      const { file, content, last } = piece;
      current = current?.file === file ? current : { file, decoder: new LtxDecoder(), headerChecked: false };
      await decodePiece(job, current, content, writer);
      faultPoint('during-restore');
      done += content.byteLength;
      job.progress(bytes(done), job.plan.bytes);
      if (!last) continue;
      headers.push(finishFile(job, current));
    }
    await writer.flush();
  } catch (error) {
    if (isDamage(error) && current !== undefined) return { kind: 'damaged', file: current.file, error };
    throw error;
  }
  const missing = writer.firstMissing();
  if (missing !== undefined) return pageMissing(job, headers, missing);
  return { kind: 'applied', timestamp: headers.at(-1)?.timestamp ?? (0 as Milliseconds), bytesDownloaded: bytes(done) };
}

async function decodePiece(job: ApplyJob, current: OpenFile, content: Uint8Array, writer: PageWriter): Promise<void> {
  const { decoder, file } = current;
  for (let start = 0; start < content.byteLength; start += SLICE) {
    job.signal.throwIfAborted();
    const pages = named(job.store, file, () => decoder.push(content.subarray(start, start + SLICE)));
    if (!current.headerChecked && decoder.header !== undefined) {
      named(job.store, file, () => checkHeader(job, file, decoder.header));
      current.headerChecked = true;
    }
    await writer.add(pages);
  }
}

function finishFile(job: ApplyJob, { file, decoder }: OpenFile): LtxHeader {
  return named(job.store, file, () => {
    decoder.finish();
    if (decoder.header === undefined) throw new StationError('LTX_TRUNCATED', 'the file has no header');
    return decoder.header;
  });
}

/** A file must be what its name says, and of the one page size; the last must end at the size that was promised. */
function checkHeader(job: ApplyJob, file: ReplicaFile, header: LtxHeader | undefined): void {
  if (header === undefined) return;
  const { position, plan } = job;
  if (header.minTxid !== file.minTxid || header.maxTxid !== file.maxTxid) {
    throw new StationError('LTX_INVALID', `holds TXIDs ${header.minTxid} to ${header.maxTxid}, not those of its name`);
  }
  if (header.pageSize !== position.pageSize) {
    throw new StationError(
      'LTX_INVALID',
      `has pages of ${header.pageSize} bytes, the state to restore has ${position.pageSize}`,
    );
  }
  if (file === plan.files.at(-1) && header.commit !== position.commit) {
    throw new StationError(
      'LTX_INVALID',
      `ends with ${header.commit} pages, another file of TXID ${formatTxid(position.txid)} with ${position.commit}`,
    );
  }
}

/** The file to blame is the first after which the database was large enough to hold the page. */
function pageMissing(job: ApplyJob, headers: readonly LtxHeader[], page: number): Applied {
  const index = headers.findIndex((header) => header.commit >= page);
  const file = job.plan.files[index] ?? job.plan.files[0];
  const message = `${job.store.url}/${file.key}: lacks page ${page}, which its database has`;
  return { kind: 'damaged', file, error: new StationError('LTX_INVALID', message) };
}

async function create(path: string, size: number): Promise<FileHandle> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'wx+', 0o644);
    await file.truncate(size);
    return file;
  } catch (cause) {
    await file?.close();
    throw writeError(`${path} could not be made`, cause);
  }
}

/** The header comes last: without it the file counts as none. The caller syncs the database itself. */
async function finishChecksums(file: FileHandle | undefined, header: Buffer): Promise<void> {
  if (file === undefined) return;
  try {
    await file.write(header, 0, header.byteLength, 0);
    await file.sync();
  } catch (cause) {
    throw writeError('the page checksums could not be written', cause);
  }
}
