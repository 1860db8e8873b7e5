import { toStationError } from '../errors.ts';
import type { Log } from '../observe/log.ts';
import { type Milliseconds, milliseconds } from '../quantities.ts';
import { type Child, startChild } from './child.ts';
import type { MonotonicClock } from './clock.ts';
import type { Environment } from './environment.ts';
import type { LifeEvent } from './life.ts';
import { type GroupMember, type ProcessGroup, processGroup } from './process-group.ts';
import type { ReadyCheck } from './ready-check.ts';
import { waitForGroupGone } from './wait-for-group.ts';

/** What is started, and how it is known to be up. */
export interface CommandOptions {
  /** The child's command and arguments. Empty: replicate without a child until a stop signal. */
  readonly command: readonly string[];
  /** The child's environment, passed on as it is. */
  readonly environment: Environment;
  /** The child's soft limit of open files, where that is not our own. */
  readonly openFiles?: number | undefined;
  /** Default: the child counts as ready as soon as it runs. */
  readonly readyCheck?: ReadyCheck | undefined;
  /** How long each start of the child may take until the check succeeds. */
  readonly startupTimeout?: Milliseconds | undefined;
  readonly log: Log;
}

/** The command of a life: the child that runs now, all of its group, and whether it answers. */
export class SupervisedCommand {
  readonly #options: CommandOptions;
  readonly #now: MonotonicClock;
  readonly #tell: (event: LifeEvent) => void;
  #group: ProcessGroup | undefined;
  /** The child whose readiness counts. */
  #watched: Child | undefined;
  #endWatch = () => {};

  constructor(options: CommandOptions, now: MonotonicClock, tell: (event: LifeEvent) => void) {
    this.#options = options;
    this.#now = now;
    this.#tell = tell;
  }

  /** Tells of the start, of what is asked of the child then, and of its end. */
  async start(): Promise<void> {
    const { command, environment, openFiles, log } = this.#options;
    try {
      const child = await startChild(command, environment, openFiles);
      const began = this.#now();
      this.#group = processGroup(child.pid);
      this.#watched = child;
      log.info('command started', { command: command[0], pid: child.pid });
      this.#tell({ type: 'child-started' });
      void this.#watchReadiness(child);
      const end = await child.ended;
      this.#tell({ type: 'child-ended', end, ran: milliseconds(this.#now() - began) });
    } catch (error) {
      this.#tell({ type: 'child-failed', error: toStationError(error) });
    }
  }

  async #watchReadiness(child: Child): Promise<void> {
    const { readyCheck, startupTimeout, environment } = this.#options;
    if (readyCheck === undefined) return;
    const began = this.#now();
    // Loaded when needed: HTTP is slow to load.
    const [{ readinessAsker }, { watchReadiness }] = await Promise.all([
      import('./ask-readiness.ts'),
      import('./readiness-watch.ts'),
    ]);
    if (this.#watched !== child) return;
    const ask = readinessAsker(readyCheck, environment);
    this.#endWatch = watchReadiness({ ask, began, startupTimeout, now: this.#now, tell: this.#tell });
  }

  /** The child is to end, or has: whether it answers means nothing any more. */
  endWatch(): void {
    this.#watched = undefined;
    this.#endWatch();
  }

  forward(signal: NodeJS.Signals): void {
    this.#options.log.debug('signal passed on', { signal });
    this.#group?.signal(signal);
  }

  kill(): void {
    for (const { pid, name } of this.#group?.members() ?? []) {
      this.#options.log.warn('process does not end, killed', { pid, command: name });
    }
    this.#group?.signal('SIGKILL');
  }

  /**
   * Waits until nothing is left of the group, whose leader has gone. Returns those that nothing could end.
   * @param terminate what to send to those that are left; undefined where they have had it
   */
  async clear(
    terminate: NodeJS.Signals | undefined,
    killAt: Milliseconds,
    giveUpAt: Milliseconds,
  ): Promise<readonly GroupMember[]> {
    const group = this.#group;
    if (group === undefined) return [];
    return await waitForGroupGone({ group, terminate, log: this.#options.log, now: this.#now, killAt, giveUpAt });
  }
}
