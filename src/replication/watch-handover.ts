import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { StationError } from '../errors.ts';
import { diskIdentity, instanceOf, lookAround } from '../lease/instance.ts';
import { Lease } from '../lease/lease.ts';
import { LEASE_KEY } from '../lease/lease-record.ts';
import { untilLeftAlone } from '../lease/left-alone.ts';
import { openStore } from '../storage/open-store.ts';
import type { PrepareOptions } from './replication-settings.ts';
import { stagingFolderAt } from './staging/staging-folder.ts';

/**
 * Watches the lease of the first replica after it was handed over, which costs a read each third of its duration. Holds
 * neither the process nor the event loop.
 * @param by who had asked
 * @returns what is wrong, once nobody has held it for its whole duration; undefined where there is no lease
 */
export async function watchHandover(
  { database, settings: { lease: settings }, clocks }: PrepareOptions,
  by: string,
): Promise<StationError | undefined> {
  const [first] = database.replicas;
  if (settings.kind === 'off' || first === undefined) return undefined;
  const { duration, environment } = settings;
  const disk = await diskIdentity(stagingFolderAt(database.stagingFolder).instance);
  const store = await openStore(first.store);
  const url = `${store.url.replace(/\/$/, '')}/${LEASE_KEY}`;
  const lease = new Lease({
    object: store.conditional(LEASE_KEY),
    url,
    me: instanceOf(disk, await lookAround(environment)),
    duration,
    decides: true,
    clock: () => ({ wall: clocks.wall(), monotonic: clocks.monotonic() }),
    newNonce: randomUUID,
    events: { acquired: () => {}, renewalFailed: () => {}, requested: () => {}, vanished: () => {}, lost: () => {} },
  });
  await untilLeftAlone({
    look: () => lease.look(new AbortController().signal),
    duration,
    monotonic: clocks.monotonic,
    sleep: async (pause) => await delay(pause, undefined, { ref: false }),
  });
  return new StationError(
    'HANDOVER_UNTAKEN',
    `${url}: ${by} asked for it, and nobody has held it for ${duration / 1000} s`,
  );
}
