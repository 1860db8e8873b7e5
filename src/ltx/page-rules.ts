import { StationError } from '../errors.ts';
import { lockPageNumber } from '../page.ts';
import { type PageNumber, pageNumber } from '../quantities.ts';
import { isSnapshot, type LtxHeader } from './header.ts';

/**
 * Which pages a file may hold, and in what order: ascending, none past the end of the database, never the lock page,
 * and in a snapshot every one. Reader and writer hold to the same rules.
 */
export class PageRules {
  readonly #commit: number;
  readonly #lockPage: number;
  readonly #complete: boolean;
  #last = 0;

  constructor(header: LtxHeader) {
    this.#commit = header.commit;
    this.#lockPage = lockPageNumber(header.pageSize);
    this.#complete = isSnapshot(header);
  }

  /** Throws LTX_INVALID if `number` may not come next. `where` ends the message. */
  next(number: number, where: string): PageNumber {
    if (number > this.#commit) throw invalid(`page ${number} is past the last page, ${this.#commit}${where}`);
    if (number === this.#lockPage) throw invalid(`page ${number} is the lock page, which is never stored${where}`);
    if (!(number > this.#last)) throw invalid(`page ${number} follows page ${this.#last}${where}`);
    if (this.#complete && number !== this.#following) throw this.#missing(where);
    this.#last = number;
    return pageNumber(number);
  }

  /** Throws LTX_INVALID if a snapshot lacks pages at its end. */
  finish(where: string): void {
    if (this.#complete && this.#following <= this.#commit) throw this.#missing(where);
  }

  get #following(): number {
    return this.#last + 1 === this.#lockPage ? this.#last + 2 : this.#last + 1;
  }

  #missing(where: string): StationError {
    return invalid(`the snapshot lacks page ${this.#following} of ${this.#commit}${where}`);
  }
}

function invalid(message: string): StationError {
  return new StationError('LTX_INVALID', message);
}
