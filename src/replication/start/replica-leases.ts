import { randomUUID } from 'node:crypto';
import { isStationError, type StationError, toStationError } from '../../errors.ts';
import { type Acquisition, acquireLeases } from '../../lease/acquire-leases.ts';
import { describeAge, describeHolder } from '../../lease/describe-lease.ts';
import { diskIdentity, instanceOf, lookAround } from '../../lease/instance.ts';
import { type Instance, needsClaim } from '../../lease/judge-lease.ts';
import { Lease } from '../../lease/lease.ts';
import { LEASE_KEY } from '../../lease/lease-record.ts';
import type { Log } from '../../observe/log.ts';
import { rateLimited } from '../../observe/rate-limit.ts';
import { type Milliseconds, milliseconds } from '../../quantities.ts';
import type { NamedReplica } from '../../restore/restore-target.ts';
import { wait } from '../../waiting.ts';
import type { LeaseSettings, PrepareOptions, ReplicationClocks } from '../replication-settings.ts';
import type { StagingFolder } from '../staging/staging-folder.ts';

/** What the leases of one database have to say. */
export interface LeaseListener {
  /** Another instance asks for a hand-over. */
  requested(by: string): void;
  /** The lease was deleted, and perhaps all of the replica with it. */
  vanished(replica: string): void;
  /** Another instance goes on; `deciding` where that was the first replica, and so the whole database. */
  lost(replica: string, error: StationError, deciding: boolean): void;
}

/** At most one line about renewals that fail in this time. */
const RENEWAL_LINES = milliseconds(60_000);
/** How long the end waits for a store to take the release: what is not told in time expires by itself. */
const RELEASE_PATIENCE = 1_000;
/** The same where the last upload failed. */
const FAILING_PATIENCE = 250;

export interface UploadsEnd {
  /** The last one was broken off, or not answered. */
  readonly isInDoubt: boolean;
  readonly isFailing: boolean;
}

export const noUploads: UploadsEnd = { isInDoubt: false, isFailing: false };

/** The leases of one database: one for each replica, or none at all where they are off. */
export class ReplicaLeases {
  readonly #leases: ReadonlyMap<string, Lease>;
  readonly #acquisitions: ReadonlyMap<string, Acquisition>;
  readonly #log: Log;

  constructor(leases: ReadonlyMap<string, Lease>, acquisitions: ReadonlyMap<string, Acquisition>, log: Log) {
    this.#leases = leases;
    this.#acquisitions = acquisitions;
    this.#log = log;
  }

  of(replica: string): Lease | undefined {
    return this.#leases.get(replica);
  }

  /** Why a replica must not be asked now: its lease was out of reach, or is another's. */
  unreachable(replica: string): StationError | undefined {
    const acquisition = this.#acquisitions.get(replica);
    return acquisition === undefined || acquisition.kind === 'held' ? undefined : acquisition.error;
  }

  /** Whether an upload of another's may still arrive anywhere. */
  needsClaim(localDatabase: 'present' | 'absent'): boolean {
    return [...this.#acquisitions.values()].some(
      (acquisition) => acquisition.kind === 'held' && needsClaim(acquisition.why, acquisition.before, localDatabase),
    );
  }

  /** Whether every lease that is held now was last that of an instance with another disk. */
  get isAfterAnother(): boolean {
    const held = [...this.#leases.values()].filter((lease) => lease.isHeld);
    return held.length > 0 && held.every((lease) => lease.isAfterAnother);
  }

  /** What this disk holds continues what every replica holds whose lease is held. */
  noteWriter(): void {
    for (const lease of this.#leases.values()) lease.noteWriter();
  }

  /** No late file of another's can come between this history any more. */
  noteClaimed(): void {
    for (const lease of this.#leases.values()) lease.noteClaimed();
  }

  /**
   * Gives all of them back, soon.
   * @param uploads how those to that replica ended: one that was broken off may still arrive
   */
  async release(uploads: (replica: string) => UploadsEnd): Promise<void> {
    const giving = [...this.#leases].map(async ([replica, lease]) => {
      const { isInDoubt, isFailing } = uploads(replica);
      const wasHeld = lease.isHeld;
      const signal = AbortSignal.timeout(isFailing ? FAILING_PATIENCE : RELEASE_PATIENCE);
      try {
        await lease.release(isInDoubt ? 'left' : 'released', signal);
        if (wasHeld) this.#log.debug('lease released', { replica });
      } catch (error) {
        const why = signal.aborted ? 'no answer in time' : toStationError(error).message;
        this.#log.warn('the lease could not be given back: it expires by itself', { replica, why });
      }
    });
    await Promise.all(giving);
  }
}

/**
 * Takes the lease of every replica that can be reached, before anything of them is read.
 * @param patience how long a replica may take to answer
 * @throws StationError LEASE_HELD, LEASE_INVALID, STAGING_FAILED; nothing is held then
 */
export async function holdLeases(
  { database, settings: { lease: settings }, log, clocks }: PrepareOptions,
  folder: StagingFolder,
  replicas: readonly NamedReplica[],
  patience: Milliseconds,
  listener: LeaseListener,
  signal: AbortSignal,
): Promise<ReplicaLeases> {
  if (settings.kind === 'off') {
    log.warn('the lease is off: nothing keeps a second instance from writing to the same replica');
    return new ReplicaLeases(new Map(), new Map(), log);
  }
  const [disk, around] = await Promise.all([diskIdentity(folder.instance), lookAround(settings.environment)]);
  const me = instanceOf(disk, around);
  const leases = new Map(
    replicas.map((replica, index) => [
      replica.name,
      openLease(replica, index === 0, me, settings, clocks, log, listener),
    ]),
  );
  try {
    const acquisitions = await acquireLeases({
      leases: [...leases.values()],
      database: database.path,
      me,
      policy: settings.takeover,
      timeout: settings.timeout,
      patience,
      clock: () => ({ wall: clocks.wall(), monotonic: clocks.monotonic() }),
      random: clocks.random,
      sleep: wait,
      waiting: (holder, policy) => {
        settings.waiting?.(holder.owner);
        log.warn('another instance holds the lease: waiting for it', {
          holder: holder.owner,
          age: holder.station && describeAge(clocks.wall() - holder.station.acquiredAt),
          expires: new Date(holder.expiresAt).toISOString(),
          takeover: policy,
        });
      },
      signal,
    });
    settings.waiting?.(undefined);
    const named = new Map(replicas.map(({ name }, index) => [name, acquisitions[index] as Acquisition]));
    tellOfAcquisitions(named, log, clocks);
    return new ReplicaLeases(leases, named, log);
  } catch (error) {
    await new ReplicaLeases(leases, new Map(), log).release(() => noUploads);
    signal.throwIfAborted();
    throw error;
  }
}

function openLease(
  { name, store }: NamedReplica,
  decides: boolean,
  me: Instance,
  settings: Extract<LeaseSettings, { kind: 'on' }>,
  clocks: ReplicationClocks,
  log: Log,
  listener: LeaseListener,
): Lease {
  const lines = rateLimited(RENEWAL_LINES);
  const own = log.with({ replica: name });
  return new Lease({
    object: store.conditional(LEASE_KEY),
    url: `${store.url.replace(/\/$/, '')}/${LEASE_KEY}`,
    me,
    duration: settings.duration,
    decides,
    clock: () => ({ wall: clocks.wall(), monotonic: clocks.monotonic() }),
    newNonce: randomUUID,
    events: {
      acquired: (record) => own.info('lease acquired', { generation: record.generation, owner: record.owner }),
      renewalFailed: (error) => {
        const level = lines.admit('renewal', clocks.monotonic()).admitted ? 'warn' : 'debug';
        own[level](`the lease could not be renewed: ${error.message}`, { hint: error.hint });
      },
      requested: (by) => listener.requested(by),
      vanished: () => {
        own.warn('the lease was deleted by somebody, and is held anew: looking at what the replica still holds');
        listener.vanished(name);
      },
      lost: (error) => listener.lost(name, error, decides),
    },
  });
}

function tellOfAcquisitions(acquisitions: ReadonlyMap<string, Acquisition>, log: Log, clocks: ReplicationClocks): void {
  for (const [replica, acquisition] of acquisitions) {
    if (acquisition.kind === 'held') {
      const { why, before } = acquisition;
      const isAnothers = before !== undefined && (why === 'expired' || why === 'broken');
      if (isAnothers) {
        const last = describeHolder(before, clocks.wall());
        log.warn(`took over the lease, which was ${why}`, { replica, last });
      }
      continue;
    }
    const { error } = acquisition;
    const what = isStationError(error, 'LEASE_HELD') ? 'goes on without this replica' : 'the lease is out of reach';
    log.warn(`${what}: ${error.message}`, { replica, hint: error.hint });
  }
}
