import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { isStationError, StationError } from '../errors.ts';
import type { ReadRange } from './object-store.ts';

/** Broken transfers in a row, without a byte between, before we give up. */
const RESUMPTIONS = 3;

/** One answer of a store to a request for bytes. */
export interface DownloadPart {
  readonly body: Readable;
  /** Bytes this answer promised. */
  readonly length: number;
  /** What names these very bytes (an ETag, a generation); without it a transfer cannot be taken up again. */
  readonly version: string | undefined;
}

export interface Download {
  /** For messages. */
  readonly url: string;
  readonly range: ReadRange | undefined;
  readonly signal: AbortSignal | undefined;
  /** Is told which object it is, before its first byte. */
  readonly seen: ((version: string | undefined) => void) | undefined;
  /** Asks for bytes; with `version`, of that object alone: @throws STORAGE_ALREADY_EXISTS where it was replaced meanwhile. */
  request(range: ReadRange | undefined, version: string | undefined): Promise<DownloadPart>;
  /** What the end of a transfer means. `brokenOff` says where it ended. */
  errorOf(error: unknown, brokenOff: (cause: unknown) => StationError): StationError;
}

/**
 * The bytes of an object. A transfer that breaks is taken up where it stopped, from the same object; an end before the
 * promised length is never taken for the end of the object.
 * @throws StationError STORAGE_UNREACHABLE, STORAGE_BROKEN, and what `request` throws
 */
export async function* downloadResumed(download: Download): AsyncGenerator<Uint8Array> {
  const { url, range, signal } = download;
  if (range?.end !== undefined && range.end <= range.start) return;
  let position = range?.start ?? 0;
  let part = await request(download, range, undefined);
  const end = position + part.length;
  download.seen?.(part.version);
  const brokenOff = (cause?: unknown) => {
    const message = `${url} ended after ${position} of ${end} bytes`;
    return new StationError('STORAGE_UNREACHABLE', message, cause === undefined ? {} : { cause });
  };
  for (let failures = 0; ; ) {
    try {
      for await (const chunk of part.body as AsyncIterable<Uint8Array>) {
        position += chunk.byteLength;
        failures = 0;
        if (position > end) throw new StationError('STORAGE_BROKEN', `${url} gave more than it promised`);
        yield chunk;
      }
      if (position === end) return;
      throw brokenOff();
    } catch (error) {
      signal?.throwIfAborted();
      failures += 1;
      const given = download.errorOf(error, brokenOff);
      if (given.code !== 'STORAGE_UNREACHABLE' || failures > RESUMPTIONS || part.version === undefined) throw given;
    } finally {
      part.body.destroy();
    }
    await pause(100 * 2 ** failures, undefined, signal === undefined ? {} : { signal }).catch(() => {});
    part = await request(download, { start: position, end }, part.version);
    if (part.length !== end - position) {
      part.body.destroy();
      throw new StationError('STORAGE_BROKEN', `${url} answered another range than was asked for`);
    }
  }
}

async function request(
  download: Download,
  range: ReadRange | undefined,
  version: string | undefined,
): Promise<DownloadPart> {
  try {
    return await download.request(range, version);
  } catch (error) {
    if (!isStationError(error, 'STORAGE_ALREADY_EXISTS')) throw error;
    throw new StationError('STORAGE_BROKEN', `${download.url} was replaced while it was read`, { cause: error });
  }
}

/** As HTTP has it. */
export function rangeHeader({ start, end }: ReadRange): string {
  return `bytes=${start}-${end === undefined ? '' : end - 1}`;
}
