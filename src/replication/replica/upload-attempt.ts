import { StationError } from '../../errors.ts';
import { type Bytes, type Milliseconds, milliseconds } from '../../quantities.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { StagedFile } from '../staging/staged-files.ts';
import { uploadLtxFile } from './upload.ts';

const ANSWER = 1_500;
/** Slower than any line worth replicating over: 256 KiB a second. */
const BYTES_PER_MILLISECOND = 262;

/**
 * How long one upload may take during the drain before it is begun anew: a connection that hangs (a firewall that
 * forgot it, a load balancer that died) would use up the whole budget, where a new one is answered in milliseconds.
 * Each failure doubles it, so that a slow line is not begun anew for ever.
 * It need not know of `max-upload-rate`: the uploader lifts that limit before it sets this one.
 */
function uploadPatience(size: Bytes, failures: number): Milliseconds {
  return milliseconds((ANSWER + size / BYTES_PER_MILLISECOND) * 2 ** Math.min(failures, 10));
}

/** One upload of one file, which can be limited in time while it runs. */
export class UploadAttempt {
  readonly #store: ObjectStore;
  readonly #file: StagedFile;
  readonly #abort = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(store: ObjectStore, file: StagedFile) {
    this.#store = store;
    this.#file = file;
  }

  /** @throws StationError what `uploadLtxFile` throws, STORAGE_UNREACHABLE past the limit; the reason of `stop` */
  async run(stop: AbortSignal): Promise<void> {
    try {
      await uploadLtxFile(this.#store, this.#file, AbortSignal.any([stop, this.#abort.signal]));
    } finally {
      clearTimeout(this.#timer);
    }
  }

  /** From now on it has as long as is due to its size, after so many failures. */
  limit(failures: number): void {
    const patience = uploadPatience(this.#file.size, failures);
    const message = `${this.#store.url} did not answer within ${(patience / 1000).toFixed(1)} s`;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#abort.abort(new StationError('STORAGE_UNREACHABLE', message)), patience);
  }
}
