import { randomUUID } from 'node:crypto';
import { isStationError, StationError } from '../errors.ts';
import type { Milliseconds } from '../quantities.ts';
import { bodyFromBytes } from '../storage/object-body.ts';
import type { ObjectInfo, ObjectStore } from '../storage/object-store.ts';
import type { StoreOptions } from '../storage/store-options.ts';
import { describeIdentity } from './identity.ts';
import { reachServer, resolveHost } from './reach.ts';
import type { Step } from './step.ts';
import { addressOf, type StoreAddress } from './store-address.ts';
import { swapKeys, swapStale } from './swap-step.ts';
import { unableToFence } from './unable-to-fence.ts';

const ROUND_TRIPS = 5;
/** Beyond this, times of files and of leases mislead; S3 refuses requests from 15 minutes on. */
const MOST_SKEW = 60_000;
/** S3 tells the time of an object in whole seconds. */
const COARSE = 1_000;

/** One probe of one replica: its own key, and what earlier steps found for later ones. */
export interface Probe {
  readonly options: StoreOptions;
  readonly store: ObjectStore;
  readonly key: string;
  readonly content: Buffer;
  /** Uploads beyond this go in parts, where it is in doubt what the store makes of conditions then; else undefined. */
  readonly partSize: number | undefined;
  readonly wallClock: () => Milliseconds;
  readonly monotonicClock: () => Milliseconds;
  /** When the object was put, from before to after. */
  put: { readonly from: Milliseconds; readonly to: Milliseconds } | undefined;
  listed: ObjectInfo | undefined;
  /** Why the store would not even take the condition. */
  conditionRefused: StationError | undefined;
}

/** Below the replica's path, where nothing looks for LTX files. */
export const PROBE_FOLDER = '.doctor';

export function startProbe(
  given: Pick<Probe, 'options' | 'store' | 'partSize' | 'wallClock' | 'monotonicClock'>,
): Probe {
  const id = randomUUID();
  const content = Buffer.from(`station-entrypoint doctor ${id}\n`);
  const found = { put: undefined, listed: undefined, conditionRefused: undefined };
  return { ...given, key: `${PROBE_FOLDER}/${id}`, content, ...found };
}

/** What is tried on a replica, in this order. */
export const probeSteps: readonly Step<Probe>[] = [
  { name: 'resolve', needs: [], run: async (probe) => await throughNetwork(probe, resolveHost) },
  {
    name: 'connect',
    needs: ['resolve'],
    run: async (probe, signal) => await throughNetwork(probe, (server) => reachServer(server, signal)),
  },
  { name: 'authenticate', needs: ['connect'], run: authenticate },
  { name: 'put', needs: ['authenticate'], run: put },
  { name: 'read', needs: ['put'], run: readBack },
  { name: 'round-trip', needs: ['read'], run: measure },
  { name: 'create-only', needs: ['put'], run: createOnlyTwice },
  { name: 'in-parts', needs: ['create-only'], slowness: 6, run: createOnlyInParts },
  { name: 'compare-and-swap', needs: ['put'], run: ({ store, key }, signal) => swapStale(store, key, signal) },
  { name: 'list', needs: ['put'], run: list },
  { name: 'clock', needs: ['list'], run: compareClocks },
  { name: 'delete', needs: ['put'], run: remove },
  { name: 'deleted', needs: ['delete'], run: checkGone },
];

async function throughNetwork(
  { options }: Probe,
  reach: (server: Extract<StoreAddress, { readonly kind: 'server' }>) => Promise<string>,
) {
  const address = addressOf(options, process.env);
  if (address?.kind === 'server') return await reach(address);
  if (address?.kind === 'folder') return { notApplicable: 'a folder' };
  return { notApplicable: address === undefined ? 'no server is named' : `through the proxy of ${address.variable}` };
}

/** The first request that the store answers: a list, which shows that the key, the bucket and the permission are there. */
async function authenticate({ options, store, key }: Probe, signal: AbortSignal): Promise<string> {
  const identity = await describeIdentity(options);
  for await (const object of store.list(key, { signal })) {
    throw new StationError('STORAGE_BROKEN', `${object.key} is listed before it was put`);
  }
  return identity;
}

async function put(probe: Probe, signal: AbortSignal): Promise<string> {
  const { store, key, content, wallClock } = probe;
  const send = (createOnly: boolean) => store.put(key, bodyFromBytes(content), { createOnly, signal });
  let from = wallClock();
  try {
    await send(true);
  } catch (error) {
    // A condition that the store will not take is one finding; whether it takes objects at all is another.
    if (!isStationError(error, 'STORAGE_BROKEN')) throw error;
    from = wallClock();
    await send(false);
    probe.conditionRefused = error;
  }
  probe.put = { from, to: wallClock() };
  return `${content.length} bytes as ${key}`;
}

async function readBack(probe: Probe, signal: AbortSignal): Promise<string> {
  if (!(await readAll(probe, signal)).equals(probe.content)) {
    throw new StationError('STORAGE_BROKEN', 'other bytes came back than were put');
  }
  return 'the same bytes';
}

async function measure(probe: Probe, signal: AbortSignal): Promise<string> {
  const times: number[] = [];
  for (let trip = 0; trip < ROUND_TRIPS; trip += 1) {
    const started = probe.monotonicClock();
    await readAll(probe, signal);
    times.push(probe.monotonicClock() - started);
  }
  times.sort((one, other) => one - other);
  const [least = 0, middle = 0, most = 0] = [times[0], times[ROUND_TRIPS >> 1], times.at(-1)];
  return `${ROUND_TRIPS} reads: ${least.toFixed(1)} ms at least, ${middle.toFixed(1)} ms in the middle, ${most.toFixed(1)} ms at most`;
}

/** Safety rule 3 stands on this: a second writer must be refused, and what was there must stay. */
async function createOnlyTwice(probe: Probe, signal: AbortSignal): Promise<string> {
  const { conditionRefused } = probe;
  if (conditionRefused !== undefined) {
    throw unableToFence(`the store refuses create-only puts (${conditionRefused.message})`);
  }
  await refuseSecond(probe, Buffer.from('of a second writer\n'), 'put', signal);
  return 'the second put was refused';
}

/** Some stores honour the condition for an upload in one, and ignore it for one in parts. */
async function createOnlyInParts(probe: Probe, signal: AbortSignal) {
  if (probe.partSize === undefined) return { notApplicable: 'known to be refused likewise' };
  await refuseSecond(probe, Buffer.alloc(probe.partSize + 1), 'upload in parts', signal);
  return `a second upload of ${probe.partSize + 1} bytes was refused`;
}

async function refuseSecond(probe: Probe, content: Buffer, what: string, signal: AbortSignal): Promise<void> {
  const second = probe.store.put(probe.key, bodyFromBytes(content), { createOnly: true, signal });
  const taken = await second.then(
    () => true,
    (error: unknown) => {
      if (isStationError(error, 'STORAGE_ALREADY_EXISTS')) return false;
      throw error;
    },
  );
  if (taken) throw unableToFence(`the store took a create-only ${what} of a key that was there`);
  if (!(await readAll(probe, signal)).equals(probe.content)) {
    throw unableToFence(`the store refused the second ${what}, and replaced the object all the same`);
  }
}

async function list(probe: Probe, signal: AbortSignal): Promise<string> {
  for await (const object of probe.store.list(`${PROBE_FOLDER}/`, { signal })) {
    if (object.key === probe.key) probe.listed = object;
  }
  if (probe.listed === undefined) {
    throw new StationError('STORAGE_BROKEN', `${probe.key} was put and is not listed`, {
      hint: 'a restore goes by the list: a store whose list lags behind gives back an older state',
    });
  }
  return 'the object is listed';
}

async function compareClocks({ listed, put: span }: Probe): Promise<string> {
  if (listed === undefined || span === undefined) return 'no time to compare with';
  const ahead = Math.max(0, span.from - COARSE - listed.lastModified);
  const behind = Math.max(0, listed.lastModified - span.to - COARSE);
  if (Math.max(ahead, behind) < MOST_SKEW)
    return ahead + behind === 0 ? 'within a second or so' : `${((ahead + behind) / 1000).toFixed(1)} s apart`;
  const skew = `${Math.round(Math.max(ahead, behind) / 1000)} s ${ahead > 0 ? 'ahead of' : 'behind'}`;
  throw new StationError('STORAGE_BROKEN', `this machine’s clock is ${skew} the store’s`, {
    hint: 'set the clock by NTP; from 15 minutes on, clouds refuse every request',
  });
}

async function remove({ store, key }: Probe, signal: AbortSignal): Promise<string> {
  await store.delete([key, ...swapKeys(key)], signal);
  return 'the store says it is done';
}

async function checkGone(probe: Probe, signal: AbortSignal): Promise<string> {
  const stays = new StationError('STORAGE_BROKEN', `${probe.key} was deleted, and is still there`, {
    hint: 'retention would free no space: check versioning, object lock and the delete permission',
  });
  for await (const object of probe.store.list(probe.key, { signal })) if (object.key === probe.key) throw stays;
  try {
    await readAll(probe, signal);
  } catch (error) {
    if (isStationError(error, 'STORAGE_NOT_FOUND')) return 'neither listed nor readable';
    throw error;
  }
  throw stays;
}

async function readAll({ store, key }: Probe, signal: AbortSignal): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(store.get(key, { signal })));
}
