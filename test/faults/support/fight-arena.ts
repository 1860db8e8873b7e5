import { setTimeout as sleep } from 'node:timers/promises';
import { FightDisk } from './fight-disk.ts';
import { FightJudge } from './fight-judge.ts';
import { type FightLife, tellLife } from './fight-life.ts';
import type { Cut, FightReplica } from './fight-replica.ts';
import { createRandom, type Random } from './random.ts';

/** The shortest there is: who dies on a disk that is lost keeps the others waiting for it, and a bit more for the clocks. */
const LEASE = '3s';
/** After a stop, the renewal that is due finds out. Cut off, a request that nobody answers is given up after 10 s first. */
const GRACE = { stopped: 4_000, 'cut off': 15_000 } as const;

interface Act {
  readonly name: string;
  readonly weight: number;
  readonly perform: () => Promise<void>;
}

/**
 * Instances that fight over one replica. A round is one random act: a start (on a kept disk or an empty one), a stop
 * signal, a kill, SIGSTOP, SIGCONT, a cut from the store and its healing. Every end is judged when it comes.
 */
export class FightArena {
  readonly name: string;
  readonly judge: FightJudge;
  readonly acts = new Map<string, number>();
  readonly #disks: readonly FightDisk[];
  readonly #random: Random;
  readonly #replica: FightReplica;
  readonly #story: string[] = [];
  readonly #began = Date.now();
  #judging: Promise<void> = Promise.resolve();
  #fault: Error | undefined;

  constructor(name: string, replica: FightReplica, seed: number) {
    this.name = `${name}, seed ${seed}`;
    this.#replica = replica;
    this.#random = createRandom(seed);
    this.#disks = replica.routes.map((route, index) => new FightDisk(String.fromCharCode(65 + index), route));
    this.judge = new FightJudge(replica, this.#disks);
  }

  async fight(rounds: number): Promise<void> {
    try {
      for (let round = 1; round <= rounds; round += 1) {
        await this.#letThings();
        const act = this.#choose();
        this.#tell(act.name);
        this.acts.set(act.name.slice(2), (this.acts.get(act.name.slice(2)) ?? 0) + 1);
        await act.perform();
        await sleep(this.#random.between(50, 1_500));
        if (round % 10 === 0) this.#queue(() => this.judge.look());
        if (this.#fault !== undefined) throw this.#fault;
      }
      await this.#settle();
    } catch (error) {
      const lives = this.#disks.flatMap((disk) => disk.lives).slice(-8);
      const told = [`${this.name}: ${String(error)}`, ...this.#story, ...lives.map(tellLife)];
      throw new Error(told.join('\n'), { cause: error });
    }
  }

  longestOverlap(): number {
    return this.judge.longestOverlap(GRACE);
  }

  takeovers(): number {
    const generations = this.#disks.flatMap((disk) => disk.lives.flatMap((life) => life.acquisitions()));
    return generations.length;
  }

  async close(): Promise<void> {
    for (const disk of this.#disks) await disk.remove();
    this.judge.close();
    await this.#replica.stop();
  }

  #choose(): Act {
    const acts = this.#disks.flatMap((disk) => this.#actsOn(disk));
    let left = this.#random.next() * acts.reduce((sum, { weight }) => sum + weight, 0);
    for (const act of acts) {
      left -= act.weight;
      if (left < 0) return act;
    }
    // All disks are being looked at.
    return { name: '- wait', weight: 1, perform: () => this.#judging };
  }

  #actsOn(disk: FightDisk): readonly Act[] {
    const { life, name } = disk;
    const acts: Act[] = [];
    const add = (what: string, weight: number, perform: () => Promise<void> | void) =>
      acts.push({ name: `${name} ${what}`, weight, perform: async () => await perform() });
    // What happens before anybody writes is worth a try now and then.
    const worth = life?.isServing === true ? 1 : life?.isWaiting === true ? 0.3 : 0.05;
    // Who is about to be taken over from had better stay away until it is.
    const back = this.#isContested(disk) ? 0.2 : 1;
    const cut = disk.impairments.find(({ kind, to }) => kind === 'cut off' && to === undefined);
    if (cut === undefined) {
      add('is cut off', worth, () => this.#cut(disk, this.#random.pick(['refuse', 'blackhole'])));
      add('is heard late', worth, () => this.#cut(disk, 'slow'));
    } else add('is heard again', 2 * back, () => this.#heal(disk));
    if (life === undefined) {
      // Cut off it comes to little.
      const hope = cut === undefined ? 1 : 0.2;
      add('starts', 2 * hope, () => this.#start(disk, false));
      add('starts on an empty disk', 2 * hope, () => this.#start(disk, true));
      return acts;
    }
    if (life.isOver || life.killed !== undefined) return acts;
    if (life.state === 'stopped') add('goes on', 2 * back, () => this.#goOn(disk, life));
    else {
      add('is stopped', 2 * worth, () => this.#stop(disk, life, 'supervisor'));
      add('is stopped with its child', worth, () => this.#stop(disk, life, 'all'));
    }
    if (life.terminated === undefined) add('is told to end', 0.5 * worth, () => this.#terminate(life));
    add('is killed', 0.5 * worth, () => this.#kill(disk, life));
    return acts;
  }

  /** Mostly what was begun comes to something before the next act: a start, a take-over. */
  async #letThings(): Promise<void> {
    const lives = () => this.#disks.flatMap(({ life }) => (life === undefined ? [] : [life]));
    const isStarting = (life: FightLife) =>
      life.state === 'running' && !life.isOver && !life.isWaiting && !(life.served && life.acknowledged().length > 0);
    if (this.#random.next() < 0.8) await this.#until(() => !lives().some(isStarting), 8_000);
    const isContested = () => this.#disks.some((disk) => this.#isContested(disk));
    if (this.#random.next() < 0.6) await this.#until(() => !isContested(), 8_000);
  }

  /** Others are about to take over from this one. */
  #isContested(disk: FightDisk): boolean {
    const isAway = disk.life !== undefined && disk.impairments.some(({ to }) => to === undefined);
    return isAway && this.#disks.some(({ life }) => life !== disk.life && life?.isWaiting && life.state === 'running');
  }

  async #start(disk: FightDisk, isEmpty: boolean): Promise<void> {
    const random = this.#random;
    if (isEmpty) disk.wipe();
    const takeover = random.pick(['by service', 'wait', 'handover', 'refuse'] as const);
    const flags = [
      `--lease-timeout=${random.between(3, 20)}s`,
      '--restore-timeout=10s',
      ...(random.next() < 0.85 ? ['--on-conflict=use-replica'] : []),
      ...(takeover === 'by service' ? [] : [`--takeover=${takeover}`]),
    ];
    const life = disk.start({
      flags,
      environment: {
        STATION_LEASE_DURATION: LEASE,
        STATION_STOP_TIMEOUT: '8s',
        ...(takeover === 'by service' ? { STATION_SERVICE: 'fight' } : {}),
      },
      writer: {
        pause: random.between(20, 100),
        burst: random.between(1, 2),
        payload: 200,
        seed: random.between(1, 2 ** 31),
      },
    });
    void life.life.ended.then(({ code, signal }) => {
      life.ended = Date.now();
      this.#tell(`${life.name} ended: ${code ?? signal}`);
      this.#endStop(disk);
      this.#queue(async () => {
        try {
          await this.judge.judge(disk, life);
        } catch (error) {
          throw new Error(`${life.name}: ${String(error)}\n${tellLife(life)}`, { cause: error });
        }
        disk.life = undefined;
      });
    });
  }

  #stop(disk: FightDisk, life: FightLife, whom: 'supervisor' | 'all'): void {
    disk.impairments.push({ kind: 'stopped', from: Date.now(), to: undefined });
    life.state = 'stopped';
    disk.signal('SIGSTOP', whom);
  }

  #goOn(disk: FightDisk, life: FightLife): void {
    disk.signal('SIGCONT', 'all');
    life.state = 'running';
    this.#endStop(disk);
  }

  #endStop(disk: FightDisk): void {
    for (const one of disk.impairments) if (one.kind === 'stopped') one.to ??= Date.now();
  }

  async #cut(disk: FightDisk, how: Cut): Promise<void> {
    disk.impairments.push({ kind: 'cut off', from: Date.now(), to: undefined });
    await disk.route.cut(how);
  }

  async #heal(disk: FightDisk): Promise<void> {
    await disk.route.heal();
    for (const one of disk.impairments) if (one.kind === 'cut off') one.to ??= Date.now();
  }

  #terminate(life: FightLife): void {
    life.terminated = Date.now();
    life.life.kill('SIGTERM');
  }

  async #kill(disk: FightDisk, life: FightLife): Promise<void> {
    life.killed = Date.now();
    await disk.killAll();
  }

  /** Everything works again: one of those that are left goes on, the others have ended or wait; then all are told to end. */
  async #settle(): Promise<void> {
    for (const disk of this.#disks) {
      await this.#heal(disk);
      if (disk.life !== undefined) this.#goOn(disk, disk.life);
    }
    const serving = () => this.#disks.filter(({ life }) => life?.isServing === true);
    if (!(await this.#until(() => serving().length < 2, 40_000))) {
      throw new Error(
        `${serving()
          .map(({ name }) => name)
          .join(' and ')} serve, 40 s after all was well`,
      );
    }
    for (const { life } of this.#disks) if (life !== undefined && life.terminated === undefined) this.#terminate(life);
    await this.#until(() => this.#disks.every(({ life }) => life === undefined || life.isOver), 40_000);
    await this.#judging;
    if (this.#fault !== undefined) throw this.#fault;
    // Nothing is stuck: an empty disk restores, writes, and ends well.
    const [disk] = this.#disks;
    if (disk === undefined || disk.life !== undefined) throw new Error('it does not end');
    await this.#startLast(disk);
    this.judge.checkDisks();
  }

  async #startLast(disk: FightDisk): Promise<void> {
    disk.wipe();
    const before = this.judge.history.length;
    const life = disk.start({
      flags: ['--takeover=wait', '--lease-timeout=30s'],
      environment: { STATION_LEASE_DURATION: LEASE },
      writer: { pause: 20, burst: 1 },
    });
    await this.#until(() => life.acknowledged().length > 5 || life.isOver, 30_000);
    this.#terminate(life);
    await life.life.ended;
    life.ended = Date.now();
    await this.judge.judge(disk, life);
    if (this.judge.history.length < before + 6) throw new Error(`nobody can go on\n${tellLife(life)}`);
    disk.life = undefined;
  }

  #queue(work: () => Promise<void>): void {
    this.#judging = this.#judging.then(async () => {
      if (this.#fault !== undefined) return;
      try {
        await work();
      } catch (error) {
        this.#fault = error instanceof Error ? error : new Error(String(error));
      }
    });
  }

  #tell(what: string): void {
    this.#story.push(`${((Date.now() - this.#began) / 1000).toFixed(1)} s: ${what}`);
  }

  async #until(condition: () => boolean, patience: number): Promise<boolean> {
    for (const giveUp = Date.now() + patience; !condition(); await sleep(50)) {
      if (Date.now() > giveUp || this.#fault !== undefined) return false;
    }
    return true;
  }
}
