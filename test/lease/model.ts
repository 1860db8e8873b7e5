/**
 * The lease protocol in the small: instances that take the lease, restore, claim, commit, upload, renew, hand over, are
 * stopped at any instant and wake up at any other, crash, and lose their disks; uploads that arrive late or never.
 *
 * A history is a string, one letter for each TXID; a file holds the history up to it. So "extends exactly what its writer
 * had" is "starts with", and an acknowledged commit is lost when the history that is restored does not start with it.
 * There are no clocks: a lease may expire at any instant, and by then its holder counts it as lapsed. A process that is
 * stopped is one that does not move for a while, as any may.
 */

export interface Rules {
  /** Who takes over from one who may still be alive claims the next TXID before it serves. */
  readonly claim: boolean;
  /** No upload starts on a lease that has lapsed, and none that outlasted it counts before the lease is renewed. */
  readonly gate: boolean;
  /** Level-0 files at and above a take-over point stay for a day. */
  readonly keepADay: boolean;
}

export const allRules: Rules = { claim: true, gate: true, keepADay: true };

export interface Instance {
  readonly phase: 'down' | 'held' | 'claiming' | 'serving';
  /** What its database holds; '' for none. A crash leaves it. */
  readonly history: string;
  /** So many TXIDs are known to be in the replica. */
  readonly acknowledged: number;
  /** Its process has taken the lease, and nobody since. */
  readonly holds: boolean;
  /** The lease bears its disk's name. */
  readonly named: boolean;
  /** Its lease has not lapsed, by its own clock. */
  readonly valid: boolean;
  /** It has seen a request to hand over, and commits no more. */
  readonly asked: boolean;
  /** The file that is on its way, and what the store said to it. */
  readonly upload: string;
  readonly answer: 'none' | 'stored' | 'taken';
}

export interface World {
  readonly instances: readonly Instance[];
  readonly lease: {
    readonly state: 'absent' | 'held' | 'released' | 'left' | 'expired';
    readonly unclaimed: boolean;
    readonly requested: boolean;
  };
  /** Level-0 files, by TXID less 1; '' for none. */
  readonly files: readonly string[];
  /** The history up to here is also in a snapshot. */
  readonly covered: string;
  /** Level-0 files from this TXID on stay; 0: no take-over in the last day. */
  readonly kept: number;
  readonly dayPassed: boolean;
  /** Uploads of processes that are gone. */
  readonly underway: readonly string[];
  /** Histories that somebody was told are in the replica. */
  readonly told: readonly string[];
  /** Letters given out. */
  readonly letters: number;
}

const fresh: Instance = {
  phase: 'down',
  history: '',
  acknowledged: 0,
  holds: false,
  named: false,
  valid: false,
  asked: false,
  upload: '',
  answer: 'none',
};

export function firstWorld(instances: number): World {
  return {
    instances: Array.from({ length: instances }, () => fresh),
    lease: { state: 'absent', unclaimed: false, requested: false },
    files: ['a'],
    covered: '',
    kept: 0,
    dayPassed: false,
    underway: [],
    told: ['a'],
    letters: 1,
  };
}

/** What a restore gives, or undefined where files do not fit together. */
function restored({ files, covered }: World): string | undefined {
  let history = covered;
  for (let next = files[history.length] ?? ''; next !== ''; next = files[history.length] ?? '') {
    if (!next.startsWith(history)) return undefined;
    history = next;
  }
  return history;
}

/** What is wrong with a world; undefined if nothing is. */
export function fault(world: World, rules: Rules): string | undefined {
  const history = restored(world);
  if (history === undefined) return 'the files are not of one history';
  const lost = world.told.find((told) => !history.startsWith(told));
  if (lost !== undefined) return `${lost} was acknowledged, and ${history} is restored`;
  const isStrict = !world.dayPassed || !rules.keepADay;
  const foreign = world.files.some((file, index) => file !== '' && file !== history.slice(0, index + 1));
  if (isStrict && foreign) return 'a point in time is of another history';
  const overtaken = world.instances.some(
    (one) =>
      one.phase === 'serving' &&
      one.holds &&
      one.answer === 'taken' &&
      world.files[one.upload.length - 1] !== one.upload,
  );
  return overtaken ? 'who holds the lease and serves was overtaken' : undefined;
}

/** Every world that can follow, and by what. */
export function steps(world: World, rules: Rules, letters: number): readonly (readonly [what: string, World])[] {
  const next: (readonly [string, World])[] = [];
  const add = (what: string, change: Partial<World>) => next.push([what, { ...world, ...change }]);
  const { lease } = world;
  if (lease.state === 'held') {
    const instances = world.instances.map((one) => (one.holds ? { ...one, valid: false } : one));
    add('the lease expires', { lease: { ...lease, state: 'expired' }, instances });
  }
  if (world.kept > 0 && !world.dayPassed) add('a day passes', { kept: 0, dayPassed: true });
  for (const [index, upload] of world.underway.entries()) {
    const underway = world.underway.toSpliced(index, 1);
    add('an upload of the dead is lost', { underway });
    add('an upload of the dead arrives', { underway, files: store(world.files, upload) });
  }
  world.instances.forEach((one, index) => {
    for (const [what, change] of stepsOf(world, one, index, rules, letters)) add(`${index} ${what}`, change);
  });
  return next;
}

function stepsOf(world: World, one: Instance, index: number, rules: Rules, letters: number) {
  const next: (readonly [string, Partial<World>])[] = [];
  const { lease } = world;
  const is = (change: Partial<Instance>) => world.instances.with(index, { ...one, ...change });
  const add = (what: string, change: Partial<World>) => next.push([what, change]);
  const { holds } = one;
  /** It ends, and one on an empty disk takes its place. */
  const fenced = () => is(fresh);
  // The same bytes twice do what they do once.
  const isUnderway = one.upload !== '' && one.answer === 'none';
  const left = isUnderway ? [...new Set([...world.underway, one.upload])].sort() : world.underway;

  if (one.phase === 'down') {
    const isOwnDisk = one.named && one.history !== '' && lease.state !== 'absent';
    const isFree = lease.state !== 'held' || isOwnDisk;
    if (isFree) {
      const isClean = lease.state === 'absent' || lease.state === 'released';
      // Expired or not: what may still arrive of its own is what its disk holds.
      const unclaimed = isOwnDisk && !isClean ? lease.unclaimed : !isClean;
      const history = isOwnDisk ? one.history : '';
      add('acquires', {
        lease: { state: 'held', unclaimed, requested: false },
        instances: is({ phase: 'held', holds: true, named: true, valid: true, history }).map((other, at) =>
          at === index ? other : { ...other, holds: false, named: false, valid: false },
        ),
      });
    } else if (!lease.requested) add('asks for the lease', { lease: { ...lease, requested: true } });
    if (one.history !== '') add('loses its disk', { instances: is(fresh) });
  }
  if (one.phase === 'held') {
    const found = restored(world) ?? '';
    const isAhead = one.history !== '' && !one.history.startsWith(found);
    const history = one.history === '' ? found : one.history;
    if (isAhead) add('finds the replica ahead', { instances: fenced() });
    else if (!rules.claim || !lease.unclaimed || !holds) {
      add('serves', { instances: is({ phase: 'serving', history, acknowledged: found.length }) });
    } else if (world.letters < letters) {
      const claimed = history + letter(world.letters);
      // Noted before the file is sent: after a crash in between nobody knows which names were claimed.
      const point = found.length + 1;
      add('claims', {
        kept: world.kept === 0 ? point : Math.min(world.kept, point),
        letters: world.letters + 1,
        instances: is({
          phase: 'claiming',
          history: claimed,
          acknowledged: found.length,
          upload: claimed.slice(0, found.length + 1),
        }),
      });
    }
  }
  if (one.upload !== '' && one.answer === 'none') {
    const files = store(world.files, one.upload);
    const answer = files[one.upload.length - 1] === one.upload ? 'stored' : 'taken';
    add('is answered', { files, instances: is({ answer }) });
  }
  if (one.answer === 'taken') {
    // Claims are made again after a look at what is there; a database that was here cannot be.
    const isRestored = one.acknowledged === one.history.length - 1;
    if (one.phase === 'claiming' && isRestored)
      add('is overtaken', { instances: is({ phase: 'held', history: '', upload: '', answer: 'none' }) });
    else add('is fenced by a file', { instances: fenced() });
  }
  if (one.answer === 'stored' && (one.valid || !rules.gate)) {
    const acknowledged = one.upload.length;
    const isClaim = one.phase === 'claiming';
    add('takes note', {
      told: [...world.told.filter((told) => !one.upload.startsWith(told)), one.upload].sort(),
      instances: is({ phase: 'serving', acknowledged, upload: '', answer: 'none' }),
      ...(isClaim && holds && { lease: { ...lease, unclaimed: false } }),
    });
  }
  const isUp = one.phase !== 'down';
  if (isUp && !holds) add('finds the lease lost', { instances: fenced() });
  if (isUp && holds && (!one.valid || (lease.requested && !one.asked))) {
    add('renews', { lease: { ...lease, state: 'held' }, instances: is({ valid: true, asked: lease.requested }) });
  }
  if (isUp) add('dies', { underway: left, instances: is({ ...fresh, history: one.history, named: one.named }) });
  if (one.phase === 'serving') {
    const isIdle = one.upload === '';
    const hasMore = one.acknowledged < one.history.length;
    const mayWrite = one.valid || !rules.gate;
    if (world.letters < letters && !one.asked) {
      const history = one.history + letter(world.letters);
      add('commits', { letters: world.letters + 1, instances: is({ history }) });
    }
    if (isIdle && hasMore && mayWrite)
      add('uploads', { instances: is({ upload: one.history.slice(0, one.acknowledged + 1) }) });
    if (holds) {
      const state = isIdle && !hasMore && !lease.unclaimed ? 'released' : 'left';
      add('gives back', {
        underway: left,
        lease: { ...lease, state, requested: false },
        instances: is({ ...fresh, history: one.history, named: one.named }),
      });
    }
    if (isIdle && mayWrite) {
      const upTo = one.history.slice(0, one.acknowledged);
      const covered = upTo.length > world.covered.length ? upTo : world.covered;
      const files = world.files.map((file, at) => {
        const isKept = rules.keepADay && world.kept > 0 && at + 1 >= world.kept;
        return at < covered.length && !isKept ? '' : file;
      });
      const isNew = covered !== world.covered || files.some((file, at) => file !== world.files[at]);
      if (isNew) add('compacts, and deletes what is covered', { covered, files });
    }
  }
  return next;
}

function store(files: readonly string[], upload: string): readonly string[] {
  const at = upload.length - 1;
  if ((files[at] ?? '') !== '') return files;
  const longer = [...files];
  while (longer.length <= at) longer.push('');
  longer[at] = upload;
  return longer;
}

const letter = (number: number) => String.fromCharCode(97 + number);
