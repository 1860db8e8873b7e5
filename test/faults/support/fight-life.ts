import { existsSync } from 'node:fs';
import type { Life } from '../../e2e/life.ts';
import { type Acknowledged, readAcknowledged } from './rows.ts';

/** A time in which an instance could not act: stopped, or cut off from the store. Milliseconds since the epoch. */
export interface Impairment {
  readonly kind: 'stopped' | 'cut off';
  readonly from: number;
  /** Undefined: it lasts. */
  to: number | undefined;
}

export interface KeptFiles {
  readonly folder: string;
  readonly first: number;
  readonly last: number;
}

/** One run of the program in a fight, and what it told of itself. */
export class FightLife {
  readonly name: string;
  readonly life: Life;
  readonly flags: readonly string[];
  readonly began = Date.now();
  readonly impairments: readonly Impairment[];
  readonly #acks: string;
  /** When the arena told it to end. */
  terminated: number | undefined;
  killed: number | undefined;
  ended: number | undefined;
  state: 'running' | 'stopped' = 'running';

  constructor(name: string, life: Life, flags: readonly string[], acks: string, impairments: readonly Impairment[]) {
    this.name = name;
    this.life = life;
    this.flags = flags;
    this.#acks = acks;
    this.impairments = impairments;
  }

  get isOver(): boolean {
    return this.ended !== undefined;
  }

  get served(): boolean {
    return this.life.log().includes('msg="command started"');
  }

  /** Its child runs, as far as it tells. */
  get isServing(): boolean {
    return this.served && !this.isOver && !this.life.log().includes('msg="command ended"');
  }

  /** For the lease of another. */
  get isWaiting(): boolean {
    return !this.served && !this.isOver && this.life.log().includes('another instance holds the lease: waiting');
  }

  acknowledged(): readonly Acknowledged[] {
    return existsSync(this.#acks) ? readAcknowledged(this.#acks) : [];
  }

  /** The generations of the lease that it got, and when. */
  acquisitions(): readonly { readonly generation: number; readonly at: number }[] {
    return this.#lines(/msg="lease acquired".* generation=(\d+)/).map(({ at, found }) => ({
      generation: Number(found[1]),
      at,
    }));
  }

  /** When each TXID was captured. */
  captures(): ReadonlyMap<number, number> {
    const lines = this.#lines(/msg=(?:sync|"sync: new generation") .* txid=(\d+)/);
    return new Map(lines.map(({ at, found }) => [Number(found[1]), at]));
  }

  /** TXIDs of which it said that the replica has them. */
  uploads(): readonly number[] {
    return this.#lines(/msg="write (?:snapshot|wal segment)" .* txid=(\d+)/).map(({ found }) => Number(found[1]));
  }

  /** The codes of the errors that it told. */
  codes(): readonly string[] {
    return this.#lines(/level=ERROR .* code=([A-Z_]+)/).map(({ found }) => found[1] ?? '');
  }

  said(words: string): boolean {
    return this.life.log().includes(words);
  }

  /** The dated folder of what no replica holds. */
  kept(): KeptFiles | undefined {
    const line = /what no replica holds is kept".* folder=(\S+) .*first=(\d+) last=(\d+)/.exec(this.life.log());
    return line === null ? undefined : { folder: line[1] ?? '', first: Number(line[2]), last: Number(line[3]) };
  }

  /** Whether it was stopped or cut off at some moment of this time. */
  wasImpaired(from: number, to: number, kind?: Impairment['kind']): boolean {
    return this.impairments.some(
      (one) =>
        (kind === undefined || one.kind === kind) && one.from <= to && (one.to ?? Number.POSITIVE_INFINITY) >= from,
    );
  }

  #lines(pattern: RegExp): readonly { readonly at: number; readonly found: RegExpExecArray }[] {
    return this.life
      .log()
      .split('\n')
      .flatMap((line) => {
        const found = pattern.exec(line);
        const time = /^time=(\S+)/.exec(line)?.[1];
        return found === null || time === undefined ? [] : [{ at: Date.parse(time), found }];
      });
  }
}

/** For the reader of a failure. */
export function tellLife({ name, life, flags, terminated, killed, impairments }: FightLife): string {
  const told = JSON.stringify({ flags, terminated, killed, impairments });
  const output = life.output().slice(-1_000);
  return `--- ${name} ${told}\n${life.log().slice(-12_000)}${output === '' ? '' : `\n--- its child:\n${output}`}`;
}
