import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Bytes at rest. Small ones are in memory, large ones in files, and the parts of a multipart upload stay apart. */
export interface Content {
  readonly size: number;
  read(start: number, end: number): AsyncIterable<Buffer>;
  discard(): Promise<void>;
}

const MOST_IN_MEMORY = 1024 * 1024;

export function contentOf(bytes: Buffer): Content {
  return {
    size: bytes.length,
    async *read(start, end) {
      if (end > start) yield bytes.subarray(start, end);
    },
    discard: async () => {},
  };
}

export function joined(parts: readonly Content[]): Content {
  return {
    size: parts.reduce((sum, part) => sum + part.size, 0),
    async *read(start, end) {
      let offset = 0;
      for (const part of parts) {
        const from = Math.max(0, start - offset);
        const to = Math.min(part.size, end - offset);
        if (to > from) yield* part.read(from, to);
        offset += part.size;
      }
    },
    discard: async () => {
      await Promise.all(parts.map((part) => part.discard()));
    },
  };
}

/** A temporary folder for what is too large for memory. */
export interface Spool {
  writer(): SpoolWriter;
  remove(): Promise<void>;
}

export interface SpoolWriter {
  write(chunk: Buffer): Promise<void>;
  size(): number;
  finish(): Promise<Content>;
  discard(): Promise<void>;
}

export async function createSpool(): Promise<Spool> {
  const folder = await mkdtemp(join(tmpdir(), 's3-server-'));
  return {
    writer: () => spoolWriter(join(folder, randomUUID())),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

function spoolWriter(path: string): SpoolWriter {
  let chunks: Buffer[] = [];
  let file: FileHandle | undefined;
  let size = 0;
  return {
    size: () => size,
    write: async (chunk) => {
      size += chunk.length;
      if (file === undefined && size <= MOST_IN_MEMORY) {
        chunks.push(Buffer.from(chunk));
        return;
      }
      file ??= await open(path, 'w');
      for (const waiting of [...chunks, chunk]) await file.writeFile(waiting);
      chunks = [];
    },
    finish: async () => {
      if (file === undefined) return contentOf(Buffer.concat(chunks));
      await file.close();
      return fileContent(path, size);
    },
    discard: async () => {
      await file?.close().catch(() => {});
      await rm(path, { force: true });
    },
  };
}

/** An object that is replaced while it is read stays whole for its readers, as on S3: an open file outlives its name. */
function fileContent(path: string, size: number): Content {
  return {
    size,
    read: (start, end) =>
      end > start
        ? (createReadStream(path, { start, end: end - 1 }) as AsyncIterable<Buffer>)
        : contentOf(Buffer.alloc(0)).read(0, 0),
    discard: () => rm(path, { force: true }),
  };
}
