import { z } from 'zod';
import { StationError } from '../errors.ts';
import { type Milliseconds, milliseconds, type Txid, txid } from '../quantities.ts';

/** The object at a replica's root that says who may append to it. Stock Litestream's own name for it. */
export const LEASE_KEY = 'lock.json';

const FORMAT_VERSION = 1;

/** How the last holder left it. */
export type LeaseState =
  | 'held'
  /** Given back, with no upload under way. */
  | 'released'
  /** Given back while an upload had been broken off, which may still arrive. */
  | 'left'
  /** Taken from its holder by a person. */
  | 'broken';

/** Which program runs, as far as its platform tells: two revisions of one service hand over to each other. */
export interface Service {
  readonly platform: string;
  /** Unique on the platform, as far as can be known: `namespace/name` on Kubernetes. */
  readonly name: string;
}

/** A newcomer that asks the holder to hand over. */
export interface LeaseRequest {
  readonly instance: string;
  readonly owner: string;
  readonly since: Milliseconds;
}

/** Where another instance's unreleased lease was taken over: this TXID was claimed by create-only. */
export interface TakeoverPoint {
  readonly txid: Txid;
  readonly at: Milliseconds;
}

/** What only our own leases say. */
export interface StationFields {
  /** Random, made with the staging folder: the same disk, the same value. */
  readonly disk: string;
  /** The disk whose history the replica follows: of the last holder that was ready to write. */
  readonly writer?: string | undefined;
  /** What the platform calls this container together with its machine's boot; undefined where it says nothing. */
  readonly place: string | undefined;
  readonly service: Service | undefined;
  /** New with every write of the holder: no two of its writes are the same bytes. */
  readonly nonce: string;
  readonly acquiredAt: Milliseconds;
  readonly duration: Milliseconds;
  readonly state: LeaseState;
  /** Taken over, and the next TXID not claimed yet: an upload of the holder's before may still arrive. */
  readonly isUnclaimed: boolean;
  readonly request: LeaseRequest | undefined;
  readonly takeovers: readonly TakeoverPoint[];
}

/** A lease. The first three fields are stock Litestream's; `station` is absent in one of its own. */
export interface LeaseRecord {
  /** +1 at each acquisition. */
  readonly generation: number;
  readonly expiresAt: Milliseconds;
  readonly owner: string;
  readonly station: StationFields | undefined;
  /** Fields that nobody here knows: they survive. */
  readonly unknown: Readonly<Record<string, unknown>>;
}

const time = z.iso.datetime({ offset: true }).transform((text) => milliseconds(Date.parse(text)));
const stationSchema = z.object({
  version: z.literal(FORMAT_VERSION),
  disk: z.string(),
  writer: z.string().optional(),
  place: z.string().optional(),
  service: z.object({ platform: z.string(), name: z.string() }).optional(),
  nonce: z.string(),
  acquired_at: time,
  duration_ms: z.int().positive().transform(milliseconds),
  state: z.enum(['held', 'released', 'left', 'broken']),
  unclaimed: z.boolean().default(false),
  request: z.object({ instance: z.string(), owner: z.string(), since: time }).optional(),
  takeovers: z.array(z.object({ txid: z.int().positive().transform(txid), at: time })),
});
const recordSchema = z.looseObject({
  generation: z.int().nonnegative(),
  expires_at: time,
  owner: z.string().default(''),
  station: stationSchema.optional(),
});

/**
 * Reads a lease.
 * @param where the object's URL, for the message
 * @throws StationError LEASE_INVALID
 */
export function parseLease(bytes: Uint8Array, where: string): LeaseRecord {
  try {
    const { generation, expires_at, owner, station, ...unknown } = recordSchema.parse(
      JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)),
    );
    return { generation, expiresAt: expires_at, owner, station: station && fieldsOf(station), unknown };
  } catch (cause) {
    throw new StationError('LEASE_INVALID', `${where} is no lease that can be read: ${reasonOf(cause)}`, { cause });
  }
}

function fieldsOf(saved: z.output<typeof stationSchema>): StationFields {
  const { disk, writer, place, service, nonce, acquired_at, duration_ms, state, unclaimed, request, takeovers } = saved;
  const times = { acquiredAt: acquired_at, duration: duration_ms };
  return { disk, writer, place, service, nonce, ...times, state, isUnclaimed: unclaimed, request, takeovers };
}

function reasonOf(error: unknown): string {
  if (error instanceof z.ZodError) {
    const [issue] = error.issues;
    return `${issue?.path.join('.') || 'it'}: ${issue?.message}`;
  }
  return error instanceof Error ? error.message : String(error);
}

export function formatLease({ generation, expiresAt, owner, station, unknown }: LeaseRecord): Uint8Array {
  const text = JSON.stringify({
    ...unknown,
    generation,
    expires_at: isoTime(expiresAt),
    owner,
    station: saved(station),
  });
  return new TextEncoder().encode(`${text}\n`);
}

function saved(station: StationFields | undefined) {
  if (station === undefined) return undefined;
  const { disk, writer, place, service, nonce, acquiredAt, duration, state, isUnclaimed, request, takeovers } = station;
  return {
    version: FORMAT_VERSION,
    disk,
    writer,
    place,
    service,
    nonce,
    acquired_at: isoTime(acquiredAt),
    duration_ms: duration,
    state,
    unclaimed: isUnclaimed || undefined,
    request: request && { ...request, since: isoTime(request.since) },
    takeovers: takeovers.map(({ txid: at, at: when }) => ({ txid: at, at: isoTime(when) })),
  };
}

function isoTime(at: Milliseconds): string {
  return new Date(at).toISOString();
}
