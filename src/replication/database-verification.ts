import type { ScheduledVerification } from '../verify/scheduled-verification.ts';
import type { PrepareOptions } from './replication-settings.ts';
import type { RunningReplica } from './running-replica.ts';
import type { PreparedDatabase } from './start/prepare-database.ts';
import type { TakenSnapshot } from './upkeep/database-snapshots.ts';

/** The verification of those replicas of one database that have it configured. */
export class DatabaseVerification {
  readonly #options: Pick<PrepareOptions, 'clocks' | 'log'>;
  readonly #takeSnapshot: () => Promise<TakenSnapshot | undefined>;
  #verification: ScheduledVerification | undefined;
  #isOver = false;

  constructor(options: Pick<PrepareOptions, 'clocks' | 'log'>, takeSnapshot: () => Promise<TakenSnapshot | undefined>) {
    this.#options = options;
    this.#takeSnapshot = takeSnapshot;
  }

  async start(prepared: PreparedDatabase, replicas: readonly RunningReplica[]): Promise<void> {
    const { clocks, log } = this.#options;
    const verified = prepared.replicas.flatMap(({ config, store }) => {
      const { name, validationInterval: interval } = config;
      const uploader = replicas.find((replica) => replica.name === name)?.uploader;
      if (interval === undefined || uploader === undefined) return [];
      const reach: typeof uploader.reach = async (target, signal) => await uploader.reach(target, signal);
      return [{ name, store, interval, reach, log: log.with({ replica: name }) }];
    });
    if (verified.length === 0) return;
    // Loaded when needed: few have it configured.
    const { ScheduledVerification } = await import('../verify/scheduled-verification.ts');
    if (this.#isOver) return;
    this.#verification = new ScheduledVerification({
      staging: prepared.folder,
      takeSnapshot: this.#takeSnapshot,
      wallClock: clocks.wall,
    });
    this.#verification.start(verified);
  }

  /** Breaks off what is under way. The database is let go of when this returns; a store may take longer. */
  async breakOff(): Promise<void> {
    this.#isOver = true;
    await this.#verification?.breakOff();
  }

  /** The same, and nothing is under way any more when this returns. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#verification?.stop();
  }
}
