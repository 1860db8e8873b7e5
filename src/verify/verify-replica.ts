import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { isStationError, StationError, toStationError } from '../errors.ts';
import { formatTxid } from '../ltx/file-name.ts';
import { bytes, type Milliseconds, milliseconds } from '../quantities.ts';
import type { ReplicaPosition } from '../restore/answer.ts';
import { askReplica, type ReplicaReport } from '../restore/ask-replicas.ts';
import { describePoint } from '../restore/describe.ts';
import { type Inventory, takeInventory } from '../restore/inventory.ts';
import { type Generation, listGeneration, listGenerations } from '../restore/legacy/generations.ts';
import { restoreDatabase } from '../restore/restore.ts';
import type { NamedReplica, RestoreTarget } from '../restore/restore-target.ts';
import { checkChain } from './check-chain.ts';
import type { Comparison, DamagedObject, Effort, ReplicaFindings } from './findings.ts';
import { differenceFrom } from './page-digests.ts';
import { readGeneration } from './read-generation.ts';
import { readFiles } from './read-objects.ts';
import type { ReferenceResult } from './reference.ts';

export interface VerifyJob {
  readonly replica: NamedReplica;
  readonly effort: Effort;
  /** Undefined: the newest, or the state that is compared with. */
  readonly timestamp: Milliseconds | undefined;
  /** Folder for the restored file, of this replica alone; it is emptied by the caller. */
  readonly folder: string;
  /** The live database, where there is one to compare with. */
  readonly reference: ReferenceResult;
  readonly parallelism: number;
  readonly priority: 'normal' | 'low';
  readonly signal: AbortSignal;
}

const ANSWER_TIMEOUT = milliseconds(30_000);
const NO_LIMIT = bytes(Number.MAX_SAFE_INTEGER);
/** What stays free on the disk that takes the restored file. */
const ROOM_TO_SPARE = 64 * 1024 * 1024;

/** What is found out on the way. */
interface Draft {
  readonly damaged: Map<string, string>;
  readonly errors: StationError[];
  readonly remarks: string[];
}

/**
 * Verifies one replica. What is wrong with it is a finding, not an error: also that it does not answer.
 * @throws the signal's reason on abort
 */
export async function verifyReplica(job: VerifyJob): Promise<ReplicaFindings> {
  const started = performance.now();
  const { replica, effort, signal } = job;
  const { store } = replica;
  const draft: Draft = { damaged: new Map(), errors: [], remarks: [] };
  let held = { objects: 0, bytes: bytes(0) };
  let report: ReplicaReport | undefined;
  let restored: Pick<ReplicaFindings, 'restored' | 'comparison'> = { restored: undefined, comparison: undefined };
  try {
    const inventory = await takeInventory(store, signal);
    const generations = await generationsOf(replica, signal);
    held = sizeOf(inventory, generations);
    judgeNames(inventory, draft);
    report = await askReplica(replica, targetOf(job), [], ANSWER_TIMEOUT, signal);
    judgeAnswer(report, draft);
    if (effort !== 'chain') await readAll(job, inventory, generations, draft);
    if (effort === 'restore') restored = await restoreAndCompare(job, report, draft);
  } catch (error) {
    signal.throwIfAborted();
    const found = toStationError(error);
    if (!draft.errors.some(({ message }) => message === found.message)) draft.errors.push(found);
  }
  return {
    replica: replica.name,
    url: store.url,
    effort,
    ...held,
    newest: report?.answer.kind === 'holds' ? report.answer.position : undefined,
    damaged: [...draft.damaged].map(([key, what]): DamagedObject => ({ key, what })),
    errors: draft.errors,
    remarks: draft.remarks,
    ...restored,
    elapsed: milliseconds(Math.round(performance.now() - started)),
  };
}

function targetOf({ timestamp }: VerifyJob): RestoreTarget {
  return timestamp === undefined ? { kind: 'newest' } : { kind: 'timestamp', timestamp };
}

async function generationsOf({ store }: NamedReplica, signal: AbortSignal): Promise<readonly Generation[]> {
  const generations: Generation[] = [];
  for (const name of await listGenerations(store, signal)) generations.push(await listGeneration(store, name, signal));
  return generations;
}

function objectsOf(generations: readonly Generation[]) {
  return generations.flatMap(({ snapshots, segments }) => [...snapshots, ...segments]);
}

function sizeOf({ files }: Inventory, generations: readonly Generation[]) {
  const old = objectsOf(generations);
  const total = [...files, ...old].reduce((sum, { size }) => sum + size, 0);
  return { objects: files.length + old.length, bytes: bytes(total) };
}

function judgeNames(inventory: Inventory, { damaged, errors, remarks }: Draft): void {
  const { gaps, leftOver, tooShort } = checkChain(inventory);
  for (const { key, size } of tooShort) damaged.set(key, `has ${size} bytes: no LTX file is so short`);
  for (const { missing, behind } of gaps) {
    const range =
      missing.from === missing.to
        ? `TXID ${formatTxid(missing.from)} is`
        : `TXIDs ${formatTxid(missing.from)} to ${formatTxid(missing.to)} are`;
    const message = `${range} missing: nothing leads to the ${behind.length} files behind, from ${behind[0].key} on`;
    const hint = 'another replica may have them; the next snapshot makes every later state whole';
    errors.push(new StationError('LTX_NOT_CONTIGUOUS', message, { hint }));
  }
  if (leftOver.length > 0)
    remarks.push(`${leftOver.length} files are older than the oldest state that can be restored`);
}

/** What the headers at the ends of the chain, and an old backup's plan, say of it. */
function judgeAnswer({ answer, excluded, replica }: ReplicaReport, { damaged, errors }: Draft): void {
  for (const [key, message] of excluded) if (!damaged.has(key)) damaged.set(key, withoutUrl(message, replica, key));
  if (answer.kind === 'failed' || answer.kind === 'unsound') errors.push(answer.error);
  if (answer.kind === 'no-answer') {
    errors.push(new StationError('STORAGE_UNREACHABLE', `no answer within ${answer.waited / 1000} s`));
  }
  if (answer.kind === 'empty') errors.push(new StationError('RESTORE_NOT_AVAILABLE', 'it holds nothing'));
  if (answer.kind !== 'holds' || answer.position.format === undefined) return;
  const { unreachable } = answer.position;
  if (unreachable > 0) {
    const message = `${unreachable} WAL segments behind ${describePoint(answer.position)} cannot be reached`;
    errors.push(new StationError('LEGACY_DAMAGED', message));
  }
}

async function readAll(
  { replica, parallelism, signal }: VerifyJob,
  inventory: Inventory,
  generations: readonly Generation[],
  draft: Draft,
): Promise<void> {
  const { store } = replica;
  const ltx = await readFiles(store, inventory.files, parallelism, signal);
  const findings = [ltx];
  for (const generation of generations) findings.push(await readGeneration(store, generation, signal));
  for (const { key, what } of findings.flatMap(({ damaged }) => damaged)) draft.damaged.set(key, what);
  const gone = new Set(findings.flatMap((finding) => finding.gone));
  if (gone.size === 0) return;
  // Retention may have come to them since they were listed.
  const { files } = await takeInventory(store, signal);
  const still = [...files, ...objectsOf(await generationsOf(replica, signal))];
  for (const { key } of still) if (gone.has(key)) draft.damaged.set(key, 'is listed, and cannot be read');
}

async function restoreAndCompare(
  job: VerifyJob,
  report: ReplicaReport,
  draft: Draft,
): Promise<Pick<ReplicaFindings, 'restored' | 'comparison'>> {
  const { reference } = job;
  const notCompared = (why: string): Comparison => ({ kind: 'not-compared', why });
  if (report.answer.kind !== 'holds') return { restored: undefined, comparison: undefined };
  await checkRoom(job.folder, report.answer.position, report);
  if (reference.kind === 'none' || job.timestamp !== undefined) {
    const restored = await restore(job, targetOf(job), draft);
    const why = reference.kind === 'none' ? reference.why : 'the state at a time was asked for';
    return { restored: restored.copy, comparison: notCompared(why) };
  }
  const { txid } = reference.reference;
  const point = await restore(job, { kind: 'txid', txid }, draft, 'may-lack-it');
  if (point.copy === undefined) {
    const restored = await restore(job, targetOf(job), draft);
    const why = `the database is at TXID ${formatTxid(txid)}, which is no state of this replica`;
    return { restored: restored.copy, comparison: restored.copy && notCompared(why) };
  }
  return { restored: point.copy, comparison: await compare(job, point.file) };
}

async function compare({ reference }: VerifyJob, file: string): Promise<Comparison> {
  if (reference.kind === 'none') return { kind: 'not-compared', why: reference.why };
  const { txid, digests, certainty } = reference.reference;
  const what = await differenceFrom(file, digests);
  if (what === undefined) return { kind: 'equal', txid };
  if (certainty === 'proven') return { kind: 'different', txid, what };
  if (certainty.captured === undefined) {
    return { kind: 'not-compared', why: `${what}, and no process replicates it: it may have been written to since` };
  }
  const fromCaptured = await differenceFrom(file, certainty.captured);
  if (fromCaptured !== undefined) return { kind: 'different', txid, what: `${fromCaptured} from what was captured` };
  return {
    kind: 'not-compared',
    why: `it has been written to since TXID ${formatTxid(txid)}, and no process replicates it`,
  };
}

async function restore(
  job: VerifyJob,
  target: RestoreTarget,
  draft: Draft,
  absence: 'may-lack-it' | 'an-error' = 'an-error',
): Promise<{ readonly copy: ReplicaFindings['restored']; readonly file: string }> {
  const { replica, parallelism, priority, signal, folder } = job;
  const file = join(folder, `${replica.name}.db`);
  try {
    const outcome = await restoreDatabase({
      replicas: [replica],
      target,
      policy: { quorum: 'all', from: undefined },
      events: { step: () => {}, warn: () => {}, progress: () => {} },
      signal,
      output: file,
      overwrite: true,
      checksumFile: undefined,
      integrity: { mode: 'full', maxBytes: NO_LIMIT, ...(priority === 'low' && { priority }) },
      parallelism,
    });
    if (outcome.kind === 'empty') return { copy: undefined, file };
    // What it went without is damage, though there was a way around it.
    for (const line of outcome.fellBack) noteFallBack(line, replica, draft);
    const { position, timestamp, pageSize, commit, integrity } = outcome;
    if (integrity !== 'ok') draft.remarks.push('SQLite could not check the restored database');
    return { copy: { position, timestamp, size: bytes(pageSize * commit), integrity }, file };
  } catch (error) {
    signal.throwIfAborted();
    const lacksIt = isStationError(error, 'RESTORE_NOT_AVAILABLE', 'RESTORE_NO_SOUND_COPY');
    if (!(lacksIt && absence === 'may-lack-it')) draft.errors.push(toStationError(error));
    return { copy: undefined, file };
  }
}

function noteFallBack(line: string, replica: NamedReplica, { damaged, errors, remarks }: Draft): void {
  const text = line.replace(`${replica.name}: `, '');
  // Most of it follows from what was found before.
  if (damaged.size > 0 || errors.length > 0) remarks.push(text);
  else errors.push(new StationError('RESTORE_NO_SOUND_COPY', text));
}

/** A restore must not take the room that the database needs. @throws StationError RESTORE_WRITE */
async function checkRoom(folder: string, position: ReplicaPosition, { plan }: ReplicaReport): Promise<void> {
  const size = position.format === undefined ? position.pageSize * position.commit : 4 * (plan?.bytes ?? 0);
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= size + ROOM_TO_SPARE) return;
  const needed = Math.ceil((size + ROOM_TO_SPARE) / 2 ** 20);
  throw new StationError(
    'RESTORE_WRITE',
    `${folder} has ${Math.floor(free / 2 ** 20)} MiB free of the ${needed} needed`,
    {
      hint: 'make room, or name another place with --temp-folder',
    },
  );
}

function withoutUrl(message: string, { store }: NamedReplica, key: string): string {
  const name = `${store.url}/${key}`;
  return message.startsWith(name) ? message.slice(name.length).replace(/^[:,]? /, '') : message;
}
