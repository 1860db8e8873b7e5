import { StationError } from '../errors.ts';

/** Who reads the database as of one moment: until the last of them has let go, no reader of ours may move on. */
export class Holds {
  readonly #released: () => void;
  #count = 0;

  /** @param released called when the last hold is let go of */
  constructor(released: () => void) {
    this.#released = released;
  }

  get isAny(): boolean {
    return this.#count > 0;
  }

  /** Returns what lets go of it again, to be called once. */
  take(): () => void {
    this.#count += 1;
    let isHeld = true;
    return () => {
      if (!isHeld) throw new StationError('INTERNAL', 'released twice');
      isHeld = false;
      this.#count -= 1;
      if (this.#count === 0) this.#released();
    };
  }
}
