import { StationError } from '../errors.ts';
import { milliseconds, txid } from '../quantities.ts';
import type { ReplicaAnswer, ReplicaPosition } from './answer.ts';
import { askReplica, askReplicas, DEFAULT_ANSWER_TIMEOUT, type ReplicaReport } from './ask-replicas.ts';
import { type Attempt, attemptRestore, clearWork } from './attempt.ts';
import { type Choice, chooseReplica, describeParted } from './choose.ts';
import { describePoint, describePosition, describeTime } from './describe.ts';
import { type Fork, findForks } from './find-forks.ts';
import type { LegacyPlan } from './legacy/legacy-plan.ts';
import type { RestorePlan } from './plan.ts';
import { publishDatabase } from './publish.ts';
import type { RestoreDatabaseOptions, RestoredDatabase, RestoreOutcome, RestoreRequest } from './restore-options.ts';
import type { ExcludedFiles } from './survey.ts';

/** Files that vanish while they are read mean that retention runs; so often is a replica listed anew for it. */
const RELISTS = 3;

export interface RestorePreview {
  readonly choice: Choice;
  readonly reports: readonly ReplicaReport[];
  readonly forks: readonly Fork[];
}

/** Asks and chooses, and stops there: what `restore -dry-run` shows. */
export async function previewRestore(request: RestoreRequest): Promise<RestorePreview> {
  const timeout = request.answerTimeout ?? DEFAULT_ANSWER_TIMEOUT;
  const tell = (line: string) => request.events.warn(line);
  const reports = await askReplicas(request.replicas, request.target, timeout, request.signal, tell);
  const forks = await findForks(reports, request.signal);
  return { choice: chooseReplica(answersOf(reports), request.policy, forks), reports, forks };
}

/**
 * Restores a database: asks every replica, chooses the newest, fetches, proves and publishes it. Where a copy turns out
 * damaged, what is sound of all replicas is compared anew, until one is whole or none is left. Until the very end
 * nothing is where the database belongs (safety rule 2).
 *
 * @throws StationError RESTORE_UNREACHABLE, RESTORE_NO_SOUND_COPY, RESTORE_NOT_AVAILABLE, RESTORE_OUTPUT_EXISTS,
 *   DATA_FOLDER, RESTORE_WRITE, USAGE (no such replica); the signal's reason on abort. Nothing is left behind then.
 */
export async function restoreDatabase(options: RestoreDatabaseOptions): Promise<RestoreOutcome> {
  const started = performance.now();
  let published = false;
  try {
    const found = await findSoundCopy(options, await previewRestore(options));
    if (found.kind === 'empty') return found;
    const { attempt, report, plan, position, answers, choice, fellBack } = found;
    const now = options.now?.() ?? milliseconds(Date.now());
    const overwrite = options.overwrite ?? false;
    const { timestamp } = attempt;
    await options.beforePublish?.({ replica: report.replica.name, position, timestamp, answers });
    const movedAside = await publishDatabase(attempt.file, options.output, { overwrite, now });
    published = true;
    for (const path of movedAside) options.events.warn(`left over beside the database, moved aside to ${path}`);
    const { pageSize, commit } = attempt;
    return {
      kind: 'restored',
      replica: report.replica.name,
      position,
      txid: position.format === undefined ? position.txid : txid(0),
      timestamp,
      pageSize,
      commit,
      files: plan.files.length,
      bytesDownloaded: attempt.bytesDownloaded,
      elapsed: milliseconds(Math.round(performance.now() - started)),
      integrity: attempt.integrity,
      fellBack,
      parted: choice.parted,
      answers,
      movedAside,
    } satisfies RestoredDatabase;
  } finally {
    options.events.ended?.();
    await clearWork(options, published);
  }
}

interface SoundCopy {
  readonly kind: 'found';
  readonly attempt: Extract<Attempt, { kind: 'proven' }>;
  readonly report: ReplicaReport;
  readonly plan: RestorePlan | LegacyPlan;
  readonly position: ReplicaPosition;
  readonly choice: Extract<Choice, { kind: 'restore' }>;
  /** As the replicas stand now, damage found on the way included. */
  readonly answers: readonly ReplicaAnswer[];
  readonly fellBack: readonly string[];
}

async function findSoundCopy(
  options: RestoreDatabaseOptions,
  { reports: asked, forks }: RestorePreview,
): Promise<SoundCopy | Extract<RestoreOutcome, { kind: 'empty' }>> {
  const reports = new Map(asked.map((report) => [report.replica.name, report]));
  const relists = new Map<string, number>();
  const lines = new WarnedLines(options);
  let promised: { readonly replica: string; readonly position: ReplicaPosition } | undefined;
  for (;;) {
    for (const report of reports.values()) lines.damagedFiles(report);
    const answers = answersOf([...reports.values()]);
    const choice = chooseReplica(answers, options.policy, forks);
    if (choice.kind === 'empty') return { kind: 'empty', answers };
    if (choice.kind === 'stop') {
      lines.moreDamagedFiles(reports.values());
      throw choice.error;
    }
    const report = reports.get(choice.replica);
    if (report?.plan === undefined) throw new StationError('INTERNAL', `no plan for replica ${choice.replica}`);
    lines.choice(choice);
    lines.pastTheEnd(choice, report);
    promised ??= choice;
    const attempt = await attemptRestore(options, report.replica, report.plan, choice.position);
    if (attempt.kind === 'proven') {
      lines.moreDamagedFiles(reports.values());
      lines.loss(promised, choice);
      for (const remark of attempt.remarks) options.events.warn(remark);
      return {
        kind: 'found',
        attempt,
        report,
        plan: report.plan,
        position: choice.position,
        choice,
        answers,
        fellBack: lines.fellBack,
      };
    }
    if (attempt.kind !== 'damaged') lines.add(`${choice.replica}: ${attempt.error.message}`);
    reports.set(choice.replica, await reportAfter(options, report, attempt, relists));
  }
}

/** What the replica is good for after a failed attempt. */
async function reportAfter(
  options: RestoreDatabaseOptions,
  report: ReplicaReport,
  attempt: Exclude<Attempt, { kind: 'proven' }>,
  relists: Map<string, number>,
): Promise<ReplicaReport> {
  const { name } = report.replica;
  const timeout = options.answerTimeout ?? DEFAULT_ANSWER_TIMEOUT;
  const again = (excluded: ExcludedFiles) =>
    askReplica(report.replica, options.target, excluded, timeout, options.signal);
  if (attempt.kind === 'damaged') return again([...report.excluded, [attempt.key, attempt.error.message]]);
  const count = relists.get(name) ?? 0;
  relists.set(name, count + 1);
  if (attempt.kind === 'gone' && count < RELISTS) return again(report.excluded);
  const newestListed = report.inventory?.newestListed;
  const answer: ReplicaAnswer =
    attempt.kind === 'unsound' && newestListed !== undefined
      ? { kind: 'unsound', replica: name, newestListed, error: attempt.error }
      : { kind: 'failed', replica: name, error: attempt.error };
  return { ...report, answer, plan: undefined };
}

/** Damaged files of a replica that are told of one by one: thousands of lines would bury what matters. */
const FEW = 5;

/** Says each thing once, and keeps what the outcome must tell of. */
class WarnedLines {
  readonly fellBack: string[] = [];
  readonly #said = new Set<string>();
  readonly #options: RestoreDatabaseOptions;

  constructor(options: RestoreDatabaseOptions) {
    this.#options = options;
  }

  add(line: string): void {
    if (this.#sayOnce(line)) this.fellBack.push(line);
  }

  /** The first few, as they are found; how many more there are is known at the end. */
  damagedFiles({ replica, excluded }: ReplicaReport): void {
    for (const reason of [...excluded.values()].slice(0, FEW)) this.add(`${replica.name}: left out: ${reason}`);
  }

  moreDamagedFiles(reports: Iterable<ReplicaReport>): void {
    for (const report of reports) for (const line of describeLeftOut(report).slice(FEW)) this.add(line);
  }

  choice(choice: Extract<Choice, { kind: 'restore' }>): void {
    for (const line of choice.warnings) this.add(line);
    for (const parted of choice.parted) this.#sayOnce(describeParted(parted));
    for (const line of choice.passedOver) this.#sayOnce(line, 'step');
    const reason = this.#options.replicas.length > 1 ? ` (${choice.why})` : '';
    this.#options.events.step(`restoring from ${choice.replica}: ${describePosition(choice.position)}${reason}`);
  }

  /** A later moment than any that is held gets the newest state: right if nothing was committed since, so it is said. */
  pastTheEnd({ position }: { readonly position: ReplicaPosition }, { replica, holdsLater }: ReplicaReport): void {
    const { target } = this.#options;
    if (target.kind !== 'timestamp' || holdsLater || position.timestamp >= target.timestamp) return;
    const asked = describeTime(target.timestamp);
    this.#sayOnce(
      `${replica.name} holds nothing later than ${describeTime(position.timestamp)}: taken for ${asked}`,
      'step',
    );
  }

  loss(
    promised: { readonly replica: string; readonly position: ReplicaPosition },
    restored: { readonly replica: string; readonly position: ReplicaPosition },
  ): void {
    const line = describeLoss(promised.position, restored.position);
    if (line === undefined) return;
    const where = promised.replica === restored.replica ? '' : `, and from ${restored.replica}`;
    this.add(`the newest copy, in ${promised.replica}, was not sound: restored as of ${line}${where}`);
  }

  #sayOnce(line: string, how: 'step' | 'warn' = 'warn'): boolean {
    if (this.#said.has(line)) return false;
    this.#said.add(line);
    this.#options.events[how](line);
    return true;
  }
}

/** The files of a replica that are known to be damaged: a line for each of the first few, and one for all the others. */
export function describeLeftOut({ replica, excluded }: ReplicaReport): readonly string[] {
  const lines = [...excluded.values()].slice(0, FEW).map((reason) => `${replica.name}: left out: ${reason}`);
  const more = excluded.size - lines.length;
  return more === 0 ? lines : [...lines, `${replica.name}: left out: ${more} more files, damaged like these`];
}

function describeLoss(promised: ReplicaPosition, restored: ReplicaPosition): string | undefined {
  const seconds = (promised.timestamp - restored.timestamp) / 1000;
  const [before, now] = [describePoint(promised), describePoint(restored)];
  if (seconds === 0 && before === now) return undefined;
  return `${now} of ${describeTime(restored.timestamp)} instead of ${before}, ${lossOf(seconds)}`;
}

function lossOf(seconds: number): string {
  return seconds > 0 ? `${seconds} s of commits are lost` : 'captured at the same time';
}

function answersOf(reports: readonly ReplicaReport[]): readonly ReplicaAnswer[] {
  return reports.map((report) => report.answer);
}
