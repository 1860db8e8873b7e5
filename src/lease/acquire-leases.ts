import { isStationError, StationError, toStationError } from '../errors.ts';
import { type Milliseconds, milliseconds } from '../quantities.ts';
import { backoffDelay } from '../storage/backoff.ts';
import { wait } from '../waiting.ts';
import { describeHolder } from './describe-lease.ts';
import type { Instance, Judgement, Moment } from './judge-lease.ts';
import type { Lease } from './lease.ts';
import type { LeaseRecord } from './lease-record.ts';
import { choosePolicy, type TakeoverPolicy } from './takeover-policy.ts';

export interface AcquireOptions {
  /** One per replica, in the order of the config. */
  readonly leases: readonly Lease[];
  /** For the hint: what `lease --break` takes. */
  readonly database: string;
  readonly me: Instance;
  readonly policy: TakeoverPolicy | undefined;
  /** How long to wait for another holder. */
  readonly timeout: Milliseconds;
  /** How long a replica may take to answer at all. */
  readonly patience: Milliseconds;
  readonly clock: () => Moment;
  readonly random: () => number;
  readonly sleep: (duration: Milliseconds, signal: AbortSignal) => Promise<void>;
  /** Called once, when the wait begins. */
  readonly waiting: (holder: LeaseRecord, policy: TakeoverPolicy) => void;
  readonly signal: AbortSignal;
}

/** What came of it at one replica. */
export type Acquisition =
  | {
      readonly kind: 'held';
      readonly why: Extract<Judgement, { kind: 'free' }>['why'];
      readonly before: LeaseRecord | undefined;
    }
  /** It did not answer, or refused; its lease is taken as soon as it does. */
  | { readonly kind: 'unreachable'; readonly error: StationError }
  /** Another instance goes on with this replica alone. */
  | { readonly kind: 'held-by-another'; readonly error: StationError };

/** A newcomer asks about once a second; asking costs nothing while nobody waits. */
const POLL = 1_000;
const RETRY = { first: milliseconds(250), most: milliseconds(5_000) };

/**
 * Takes the lease of each replica that can be reached. The first of them in the config decides: while another instance
 * holds that one, none is taken (to take the others would fence their holder), and this waits, asks or gives up as the
 * policy says. Then the rest; one whose holder lives is left to it, and told of.
 *
 * @throws StationError LEASE_HELD past the timeout or by the policy, LEASE_INVALID; the signal's reason on abort. What
 *   was taken until then is to be released by the caller.
 */
export async function acquireLeases(options: AcquireOptions): Promise<readonly Acquisition[]> {
  const { leases, clock, timeout, signal, me } = options;
  const deadline = clock().monotonic + timeout;
  const outcomes = new Map<Lease, Acquisition>();
  const open = () => leases.filter((lease) => !outcomes.has(lease));
  const isDecided = () => [...outcomes.values()].some(({ kind }) => kind === 'held');
  let looks = await lookAtAll(options);
  let told = false;
  for (;;) {
    for (const [lease, look] of looks) if (look.kind === 'unreachable') outcomes.set(lease, look);
    // One that fails under our hands leaves the decision to the next; one that is not free has made it.
    for (const lease of open()) {
      if (isDecided() || !(await takeIfFree(lease, looks, outcomes, signal))) break;
    }
    if (isDecided()) await Promise.all(open().map((lease) => takeIfFree(lease, looks, outcomes, signal)));
    const [next] = open();
    if (next === undefined) return leases.map((lease) => outcomes.get(lease) as Acquisition);
    const look = looks.get(next);
    if (look?.kind === 'held') {
      const policy = choosePolicy(options.policy, look.by, me);
      const isOver = clock().monotonic >= deadline || policy === 'refuse';
      if (isOver || (isDecided() && next.holderWrites)) {
        const error = heldBy(next, look.by, clock().wall, policy, options);
        if (!isDecided()) throw error;
        outcomes.set(next, { kind: 'held-by-another', error });
        continue;
      }
      if (!told) options.waiting(look.by, policy);
      told = true;
      if (policy === 'handover') await ignoreStore(next.request(signal), signal);
    }
    await options.sleep(milliseconds(POLL * (0.75 + options.random() / 2)), signal);
    looks = new Map(
      await Promise.all(open().map(async (lease) => [lease, await lookAgain(lease, looks, signal)] as const)),
    );
  }
}

type Look = Judgement | Extract<Acquisition, { kind: 'unreachable' }>;

async function lookAtAll({ leases, patience, signal, random }: AcquireOptions): Promise<Map<Lease, Look>> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), patience);
  try {
    const looking = leases.map(
      async (lease) => [lease, await lookUntil(lease, deadline.signal, signal, random)] as const,
    );
    return new Map(await Promise.all(looking));
  } finally {
    clearTimeout(timer);
  }
}

/** Failures that may pass are tried again until the deadline, as where replicas are asked what they hold. */
async function lookUntil(
  lease: Lease,
  deadline: AbortSignal,
  signal: AbortSignal,
  random: () => number,
): Promise<Look> {
  let last: StationError | undefined;
  for (let failures = 1; ; failures += 1) {
    try {
      return await lease.look(AbortSignal.any([signal, deadline]));
    } catch (error) {
      signal.throwIfAborted();
      if (isStationError(error, 'LEASE_INVALID')) throw error;
      if (!deadline.aborted) last = toStationError(error);
      const mayPass = isStationError(error, 'STORAGE_UNREACHABLE', 'STORAGE_THROTTLED');
      if (deadline.aborted || !mayPass) return { kind: 'unreachable', error: last ?? silent(lease) };
      const either = AbortSignal.any([signal, deadline]);
      await wait(backoffDelay(failures, RETRY, random()), either).catch(() => signal.throwIfAborted());
    }
  }
}

function silent(lease: Lease): StationError {
  return new StationError('STORAGE_UNREACHABLE', `${lease.url} does not answer`);
}

/** While waiting, a store that does not answer now and then changes nothing. */
async function lookAgain(lease: Lease, before: ReadonlyMap<Lease, Look>, signal: AbortSignal): Promise<Look> {
  try {
    return await lease.look(signal);
  } catch (error) {
    signal.throwIfAborted();
    if (isStationError(error, 'LEASE_INVALID')) throw error;
    return before.get(lease) ?? { kind: 'unreachable', error: toStationError(error) };
  }
}

/** @returns whether there is an outcome now */
async function takeIfFree(
  lease: Lease,
  looks: ReadonlyMap<Lease, Look>,
  outcomes: Map<Lease, Acquisition>,
  signal: AbortSignal,
): Promise<boolean> {
  const look = looks.get(lease);
  if (look?.kind !== 'free') return false;
  const before = lease.record;
  try {
    if (!(await lease.take(signal))) return false;
    outcomes.set(lease, { kind: 'held', why: look.why, before });
  } catch (error) {
    signal.throwIfAborted();
    if (isStationError(error, 'LEASE_INVALID')) throw error;
    outcomes.set(lease, { kind: 'unreachable', error: toStationError(error) });
  }
  return true;
}

async function ignoreStore(asking: Promise<void>, signal: AbortSignal): Promise<void> {
  try {
    await asking;
  } catch (error) {
    signal.throwIfAborted();
    if (isStationError(error, 'LEASE_INVALID')) throw error;
    // The next poll asks again.
  }
}

function heldBy(
  lease: Lease,
  holder: LeaseRecord,
  now: Milliseconds,
  policy: TakeoverPolicy,
  { timeout, database }: Pick<AcquireOptions, 'timeout' | 'database'>,
): StationError {
  const why = policy === 'refuse' ? '' : `, and did not let go within ${timeout / 1000} s`;
  return new StationError('LEASE_HELD', `${lease.url}: the lease is held by ${describeHolder(holder, now)}${why}`, {
    hint: `stop that instance; if it is dead for certain: station-entrypoint lease --break ${database}`,
  });
}
