import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultPoint } from '../../../src/fault-points.ts';
import type { StoreOptions } from '../../../src/storage/store-options.ts';
import type { Container, Life } from './container.ts';
import { createRandom, type Random } from './random.ts';
import { type Acknowledged, firstMissing, type Rows } from './rows.ts';

/** A row acknowledged this long before the time of the newest file must be in it: capturing takes a moment. */
const CAPTURE_SLACK = 1_500;

export const RUNNING_POINTS: readonly [FaultPoint, ...FaultPoint[]] = [
  'after-temporary-file',
  'after-rename',
  'before-position',
  'after-position',
  'before-upload',
  'after-upload',
];
export const RESTORE_POINTS: readonly [FaultPoint, ...FaultPoint[]] = [
  'during-restore',
  'before-publish',
  'after-publish',
];

/** How one life ends. */
type Death =
  | { readonly kind: 'stop' }
  | { readonly kind: 'kill'; readonly victim: 'supervisor' | 'application' | 'both'; readonly after: number }
  | { readonly kind: 'fault-point'; readonly point: FaultPoint; readonly count: number };

export interface Tally {
  rounds: number;
  wipes: number;
  stops: number;
  readonly died: Map<string, number>;
}

/**
 * Lives and dies again and again on one disk and one replica, and holds after each death what the disk and the replica
 * have against what the application was told. Throws at the first row that is missing, with the seed.
 */
export class Rounds {
  readonly tally: Tally = { rounds: 0, wipes: 0, stops: 0, died: new Map() };
  readonly #container: Container;
  readonly #replica: StoreOptions;
  readonly #random: Random;
  readonly #seed: number;
  #isWiped = true;
  /** Whether the fault point of this round has killed. */
  #reached = false;
  /** Rows that were seen in the replica: they can never go again. */
  #durable = 0;

  constructor(container: Container, replica: StoreOptions, seed: number) {
    this.#container = container;
    this.#replica = replica;
    this.#seed = seed;
    this.#random = createRandom(seed);
  }

  async run(count: number): Promise<void> {
    for (let round = 1; round <= count; round += 1) await this.#round(`round ${round} of seed ${this.#seed}`);
    await this.#round(`the end of seed ${this.#seed}`, { kind: 'stop' });
  }

  async #round(name: string, death: Death = this.#chooseDeath()): Promise<void> {
    const life = this.#container.start({
      life: name,
      pause: this.#random.between(0, 20),
      burst: this.#random.between(1, 8),
      payload: this.#random.pick([100, 1_000, 6_000]),
      seed: this.#random.between(1, 2 ** 31),
      faultPoint: death.kind === 'fault-point' ? `${death.point}:${death.count}` : undefined,
    });
    const saved = this.#isWiped ? this.#durable : undefined;
    try {
      const isComplete = await this.#die(life, death);
      await this.#container.killAll(life);
      await this.#check(isComplete, saved);
      if (death.kind !== 'stop' && this.#random.next() < 0.35) this.#wipe();
      else this.#isWiped = this.#container.localRows().lives.length === 0;
    } catch (error) {
      const told = JSON.stringify(death);
      throw new Error(`${name}, ${told}: ${String(error)}\n${life.log().slice(-6_000)}`, { cause: error });
    }
    this.tally.rounds += 1;
    const reached = this.#reached ? '' : ' (not reached)';
    const kind =
      death.kind === 'kill' ? `kill ${death.victim}` : death.kind === 'stop' ? 'stop' : `${death.point}${reached}`;
    this.tally.died.set(kind, (this.tally.died.get(kind) ?? 0) + 1);
  }

  #chooseDeath(): Death {
    const random = this.#random;
    const chance = random.next();
    if (chance < 0.08) return { kind: 'stop' };
    if (chance < 0.5) {
      const victim = random.pick(['supervisor', 'application', 'both'] as const);
      return { kind: 'kill', victim, after: random.between(0, 1_400) };
    }
    const canRestore = this.#isWiped && this.#durable > 0;
    if (canRestore && random.next() < 0.6) return { kind: 'fault-point', point: random.pick(RESTORE_POINTS), count: 1 };
    return { kind: 'fault-point', point: random.pick(RUNNING_POINTS), count: random.between(1, 2) };
  }

  /** @returns whether the supervisor says that the replica holds everything */
  async #die(life: Life, death: Death): Promise<boolean> {
    const container = this.#container;
    const earlier = container.acknowledged().length;
    const isWriting = () => container.acknowledged().length > earlier || life.supervisor.exitCode !== null;
    switch (death.kind) {
      case 'fault-point': {
        this.#reached = (await Promise.race([life.ended, sleep(4_000)]))?.signal === 'SIGKILL';
        return false;
      }
      case 'stop': {
        await container.waitFor('the first row', isWriting, life);
        await sleep(this.#random.between(0, 1_200));
        life.supervisor.kill('SIGTERM');
        const { code } = await life.ended;
        if (code !== 0) throw new Error(`stopped with ${code}`);
        this.tally.stops += 1;
        return true;
      }
      case 'kill': {
        if (death.victim === 'application') await container.waitFor('the first row', isWriting, life);
        await sleep(death.after);
        if (death.victim !== 'application') {
          life.supervisor.kill('SIGKILL');
          // Alone, the application goes on for a moment with nobody reading its WAL.
          if (death.victim === 'supervisor') await sleep(this.#random.between(0, 300));
          return false;
        }
        const pid = life.applicationPid();
        if (pid !== undefined) process.kill(pid, 'SIGKILL');
        const { code } = await life.ended;
        if (code !== 137) throw new Error(`the application was killed, the supervisor ended with ${code}`);
        return true;
      }
    }
  }

  async #check(isComplete: boolean, saved: number | undefined): Promise<void> {
    const acknowledged = this.#container.acknowledged();
    const local = this.#container.localRows();
    const lost = firstMissing(local, acknowledged);
    // After a wipe the restore may not have come to its end: then there is no database, and nothing to hold against.
    const isRestored = saved === undefined || local.lives.length > 0;
    if (isRestored && lost !== undefined) throw new Error(`the disk lost row ${lost.n} of "${lost.life}"`);
    const { rows, outcome, file } = await this.#container.restored(this.#replica);
    const durable = rows.lives.length;
    this.#checkReplica(rows, local, acknowledged, isRestored);
    if (durable < this.#durable) throw new Error(`the replica held ${this.#durable} rows, and now ${durable}`);
    if (isComplete && durable < acknowledged.length) {
      throw new Error(`said to be complete, the replica holds ${durable} of ${acknowledged.length} rows`);
    }
    if (isComplete && !readFileSync(file).equals(readFileSync(this.#container.database))) {
      throw new Error('said to be complete, the restored file is not the database byte for byte');
    }
    const time = outcome.kind === 'restored' ? outcome.timestamp : 0;
    const due = acknowledged.findLast((row) => row.time <= time - CAPTURE_SLACK);
    if (due !== undefined && durable < due.n) {
      throw new Error(`the newest file is ${time - due.time} ms younger than row ${due.n}, and holds ${durable} rows`);
    }
    this.#durable = durable;
  }

  #checkReplica(rows: Rows, local: Rows, acknowledged: readonly Acknowledged[], isRestored: boolean): void {
    const wrong = acknowledged.find(({ n, life }) => n <= rows.lives.length && rows.lives[n - 1] !== life);
    if (wrong !== undefined) throw new Error(`the replica has row ${wrong.n} of another life than "${wrong.life}"`);
    if (!isRestored) return;
    const other = rows.lives.findIndex((life, index) => local.lives[index] !== life);
    if (other >= 0) throw new Error(`row ${other + 1} of the replica is not the one on the disk`);
  }

  #wipe(): void {
    this.#container.wipeDisk();
    this.#container.forgetAfter(this.#durable);
    this.#isWiped = true;
    this.tally.wipes += 1;
  }
}
