import { z } from 'zod';
import { type ErrorCode, errorTable, StationError } from '../errors.ts';
import { milliseconds, txid } from '../quantities.ts';
import { askControl } from './control-client.ts';
import type { SyncOutcome } from './controlled.ts';

const outcomeSchema = z.object({
  path: z.string(),
  txid: z.number(),
  replicas: z.array(
    z.object({ name: z.string(), txid: z.number().nullable(), complete: z.boolean(), reason: z.string().nullable() }),
  ),
});

const refusalSchema = z.object({
  error: z.string(),
  code: z.string().optional(),
  hint: z.string().optional(),
  details: outcomeSchema.optional().catch(undefined),
});

/** How much longer than asked the answer may take. */
const GRACE = 5_000;

/**
 * Asks the running process to sync a database and to wait for its replicas. Undefined where no process listens, or the
 * one that does knows no such database.
 * @param timeout milliseconds
 * @throws StationError what the process met; CAPTURE_FAILED, DATA_FOLDER; the signal's reason
 */
export async function askSync(
  socket: string,
  path: string,
  timeout: number,
  signal: AbortSignal,
): Promise<SyncOutcome | undefined> {
  const late = AbortSignal.timeout(timeout + GRACE);
  const request = { path, wait: true, timeout: Math.max(0.001, timeout / 1000) };
  const answer = await askControl(socket, 'POST', '/sync', request, AbortSignal.any([signal, late])).catch((error) => {
    if (!late.aborted) throw error;
    throw unanswered(socket);
  });
  if (answer === undefined || answer.status === 404) return undefined;
  if (answer.status === 200) return toOutcome(outcomeSchema.parse(answer.body));
  const refusal = refusalSchema.parse(answer.body);
  if (refusal.details !== undefined) return toOutcome(refusal.details);
  throw new StationError(codeOf(refusal.code), refusal.error, refusal.hint === undefined ? {} : { hint: refusal.hint });
}

function toOutcome({ path, txid: at, replicas }: z.infer<typeof outcomeSchema>): SyncOutcome {
  return {
    database: path,
    txid: txid(at),
    replicas: replicas.map(({ name, txid: held, complete, reason }) => ({
      replica: name,
      txid: held === null ? undefined : txid(held),
      complete,
      reason: reason ?? undefined,
    })),
  };
}

const stateSchema = z.object({
  txid: z.number(),
  timestamp: z.number(),
  replicas: z.array(
    z.object({
      replica: z.string(),
      status: z.enum(['unknown', 'known', 'following', 'needs-snapshot', 'stopped']),
      txid: z.number().nullable(),
      missing: z.object({ files: z.number(), bytes: z.number(), since: z.number().nullable() }),
      last_sync_at: z.number().nullable(),
      failing: z.object({ code: z.string(), message: z.string(), hint: z.string() }).nullable(),
      last_error: z.object({ at: z.number(), code: z.string(), message: z.string(), hint: z.string() }).nullable(),
    }),
  ),
});

/** What a running process says of one database. */
export type ToldState = z.infer<typeof stateSchema>;

/** Asks the running process where a database stands; undefined where none listens, or it knows no such database. */
export async function askState(socket: string, path: string, timeout: number): Promise<ToldState | undefined> {
  const signal = AbortSignal.timeout(milliseconds(timeout));
  const target = `/status?path=${encodeURIComponent(path)}`;
  const answer = await askControl(socket, 'GET', target, undefined, signal).catch((error) => {
    if (!signal.aborted) throw error;
    throw unanswered(socket);
  });
  return answer?.status === 200 ? stateSchema.parse(answer.body) : undefined;
}

function unanswered(socket: string): StationError {
  return new StationError('CAPTURE_FAILED', `the process that listens on ${socket} does not answer`, {
    hint: 'see its log, and whether it is stopped (SIGSTOP) or its disk hangs',
  });
}

function codeOf(code: string | undefined): ErrorCode {
  return code !== undefined && Object.hasOwn(errorTable, code) ? (code as ErrorCode) : 'CAPTURE_FAILED';
}
