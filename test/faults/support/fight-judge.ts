import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FightDisk } from './fight-disk.ts';
import { type FightLife, tellLife } from './fight-life.ts';
import type { FightReplica } from './fight-replica.ts';
import { restoreCopy, restoreRows, rowsWith } from './restore-rows.ts';
import type { Acknowledged } from './rows.ts';

/** A row acknowledged this long before a capture was logged is in it: a capture takes a moment, also on a busy machine. */
const CAPTURE_SLACK = 4_000;

/**
 * Holds what the replica gives back against what every life was told and told.
 *
 * A row is *synced* when a restore gave it back, or when its instance said so: it logged the upload of a file that was
 * captured well after the row's commit, or its drain as complete. A synced row stays, at its place, for ever.
 */
export class FightJudge {
  /** The life of each row, by number − 1: all that any restore gave back. It only ever grows. */
  history: readonly string[] = [];
  readonly #replica: FightReplica;
  readonly #disks: readonly FightDisk[];
  readonly #folder = mkdtempSync(join(tmpdir(), 'fight-judge-'));
  /** Whose file a TXID is. */
  readonly #writers = new Map<number, string>();
  readonly ends = new Map<string, number>();
  keptFolders = 0;

  constructor(replica: FightReplica, disks: readonly FightDisk[]) {
    this.#replica = replica;
    this.#disks = disks;
  }

  /** Restores, and sees that the one history has only become longer. */
  async look(): Promise<void> {
    const { lives } = await this.#restored();
    const parted = this.history.findIndex((life, index) => lives[index] !== life);
    if (parted >= 0) {
      const now = lives[parted] ?? `nothing: it ends at row ${lives.length}`;
      throw new Error(`row ${parted + 1} of ${this.history[parted]} had been restored, and now there is ${now}`);
    }
    this.history = lives;
  }

  /** Files may be merged and deleted while they are fetched: then it is begun anew, as the program does. */
  async #restored() {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await restoreRows(this.#replica.store, join(this.#folder, 'newest'));
      } catch (error) {
        if (attempt === 3) throw error;
      }
    }
  }

  /** Holds the end of a life against the table of what may be. Its disk is as it left it. */
  async judge(disk: FightDisk, life: FightLife): Promise<void> {
    const { code, signal } = await life.life.ended;
    await this.look();
    const end = code ?? signal ?? 'nothing';
    const name = this.#allowed(life, end);
    this.ends.set(name, (this.ends.get(name) ?? 0) + 1);
    this.#checkSynced(life);
    this.#checkWriters(disk, life);
    const lacking = this.#lacking(life.acknowledged());
    if (end === 0 || end === 143 || end === 137 || end === 'SIGTERM' || life.codes().includes('HANDOVER_UNTAKEN'))
      this.#none(lacking, `it ended with ${end}`);
    if (end === 75 && lacking.length === 0 && !life.said('drain incomplete')) throw new Error('75, and nothing lacks');
    // Whatever the end, what was committed is on the disk or in the replica.
    const here = disk.rows();
    this.#none(
      lacking.filter(({ n, life: of }) => here.lives[n - 1] !== of),
      'they are neither in the replica nor on the disk that was left',
    );
    if (end === 76 && life.served) await this.#checkKept(disk, life, lacking);
  }

  /**
   * The table of ends, and why each may be:
   *
   * | SIGKILL | by the arena |
   * | 0 | it was told to end, and served until then (or had handed over); nothing lacks |
   * | 143 | it was told to end before its child ran, or before that answered signals; nothing lacks |
   * | SIGTERM | the same, before it answered signals itself |
   * | 137 | it was told to end, and its child was stopped for longer than a child gets to end; nothing lacks |
   * | 75 | it was told to end, and was cut off or stopped at that moment: the drain was not complete, and it said so |
   * | 76 | another instance has the lease: the policy or the timeout forbade to wait, or it was lost to that one; or it
   * was handed over to one that never came |
   * | 69 | cut off from the only replica with no database here, or the replica ahead and `--on-conflict=stop` |
   * | 78 | at its start a file stood where the replica's folder is to be: the mount of a folder that is cut off here |
   */
  #allowed(life: FightLife, end: number | string): string {
    const told = life.terminated !== undefined;
    const over = life.ended ?? Date.now();
    const codes = life.codes();
    switch (end) {
      case 'SIGKILL':
        if (life.killed !== undefined) return 'SIGKILL';
        break;
      case 'SIGTERM':
        if (told && life.life.log() === '') return '143 before it was up';
        break;
      case 0:
        if (told && life.said('handed over, waiting to be stopped')) return '0 after a hand-over';
        if (told) return '0';
        break;
      case 143:
        if (told && !life.served) return '143 before its child';
        if (told) return '143 of its child';
        break;
      case 137:
        if (
          told &&
          life.said('process does not end, killed') &&
          life.wasImpaired((life.terminated ?? 0) - 15_000, over)
        ) {
          return '137 out of time';
        }
        break;
      case 75:
        if (told && life.wasImpaired((life.terminated ?? 0) - 15_000, over)) return '75 cut off';
        if (told && codes.includes('STAGING_FAILED')) return '75';
        break;
      case 76:
        if (codes.includes('LEASE_HELD') && !life.served) return '76 refused';
        if (codes.includes('HANDOVER_UNTAKEN')) {
          if (!life.said('handed over, waiting to be stopped')) throw new Error('HANDOVER_UNTAKEN without a hand-over');
          return '76 after a hand-over to nobody';
        }
        if (codes.some((code) => code === 'LEASE_LOST' || code === 'FENCED')) {
          // Or what it took late had been another's in between.
          const isLate = life.said('was written by another instance, after this one lost the lease');
          if (!isLate && !this.#wasOvertaken(life)) throw new Error('76 although nobody else took the lease');
          if (life.served && !life.said('msg="another instance goes on')) throw new Error('76 without saying so');
          return life.served ? '76 fenced' : '76 fenced before its child';
        }
        break;
      case 69:
        if (life.served) break;
        if (codes.includes('REPLICA_AHEAD') && !life.flags.includes('--on-conflict=use-replica')) return '69 ahead';
        if (life.wasImpaired(life.began - 15_000, over)) return '69 cut off';
        break;
      case 78:
        if (life.wasImpaired(life.began, over, 'cut off') && life.said('is a file, where a folder'))
          return '78 cut off';
        break;
    }
    throw new Error(`it ended with ${end} (${codes.join(', ')})`);
  }

  /** Whether a life of another disk took the lease after this one: as it says itself, unless its answer was lost. */
  #wasOvertaken(life: FightLife): boolean {
    const by = Number(/taken over by [^ :]+:(\d+)/.exec(life.life.log())?.[1]);
    const named = this.#disks.flatMap(({ lives }) => lives).find((other) => other.life.pid === by);
    if (named !== undefined && named.impairments !== life.impairments) return true;
    // Who was cut off at its start, and took the lease late, was overtaken before: since its disk held the lease last.
    const lives = this.#disks.find((disk) => disk.lives.includes(life))?.lives ?? [];
    const holding = life.said('the lease is out of reach') ? lives.slice(0, lives.indexOf(life)) : [life];
    const own = Math.max(0, ...holding.flatMap((one) => one.acquisitions().map(({ generation }) => generation)));
    return this.#disks.some((disk) =>
      disk.lives.some(
        (other) => other.impairments !== life.impairments && other.acquisitions().some((one) => one.generation > own),
      ),
    );
  }

  /** What it said that the replica has. */
  #checkSynced(life: FightLife): void {
    const captures = life.captures();
    const times = life.uploads().map((at) => (captures.get(at) ?? 0) - CAPTURE_SLACK);
    // Who is stopped in the middle of a capture logs it when it goes on.
    const before = Math.max(0, ...times.filter((time) => !life.wasImpaired(time, time + CAPTURE_SLACK, 'stopped')));
    const synced = life.acknowledged().filter(({ time }) => time < before);
    this.#none(this.#lacking(synced), 'it said that they were uploaded');
  }

  /** A TXID is written once: no two disks say that it is theirs; no generation of the lease is given twice. */
  #checkWriters(disk: FightDisk, life: FightLife): void {
    const captures = life.captures();
    for (const at of life.uploads()) {
      // A snapshot for later ends where somebody's file did.
      if (!captures.has(at)) continue;
      const writer = this.#writers.get(at);
      if (writer !== undefined && writer !== disk.name) {
        throw new Error(`both ${writer} and ${disk.name} say that they wrote TXID ${at}`);
      }
      this.#writers.set(at, disk.name);
    }
  }

  /** The dated folder of a loser: on top of what it shares with the replica, it makes the database that the loser had. */
  async #checkKept(disk: FightDisk, life: FightLife, lacking: readonly Acknowledged[]): Promise<void> {
    const kept = life.kept();
    // It is on the disk: that has been seen.
    if (life.said('the last commits were not captured, and are in the database here alone')) return;
    if (kept === undefined) return this.#none(lacking, 'it was fenced, and kept nothing in a dated folder');
    this.keptFolders += 1;
    const folder = join(this.#folder, 'base');
    const base = kept.first === 1 ? undefined : await restoreCopy(this.#replica.store, folder, kept.first - 1);
    const { lives } = await rowsWith(base, kept.folder);
    const here = disk.rows().lives;
    const wrong = here.findIndex((of, index) => lives[index] !== of);
    if (wrong >= 0 || lives.length !== here.length) {
      throw new Error(
        `the dated folder leads to ${lives.length} rows, the disk has ${here.length}; the first to differ: ${wrong + 1}`,
      );
    }
  }

  /** What no restore gives back. */
  #lacking(rows: readonly Acknowledged[]): readonly Acknowledged[] {
    return rows.filter(({ n, life }) => this.history[n - 1] !== life);
  }

  #none(rows: readonly Acknowledged[], why: string): void {
    const [first] = rows;
    if (first === undefined) return;
    throw new Error(`${rows.length} acknowledged rows are lost, from row ${first.n} of ${first.life} on: ${why}`);
  }

  /** At the very end: every acknowledged row of a disk that was not lost is in the history or on that disk. */
  checkDisks(): void {
    const generations = new Map<number, string>();
    for (const disk of this.#disks) {
      const here = [disk.database, ...disk.databasesAside()].flatMap((path) =>
        disk.rows(path).lives.map((life, index) => `${index + 1} ${life}`),
      );
      const found = new Set(here);
      for (const life of disk.onDisk) {
        const lost = this.#lacking(life.acknowledged()).filter(({ n, life: of }) => !found.has(`${n} ${of}`));
        this.#none(lost, `they are nowhere on disk ${disk.name}, which was never lost\n${tellLife(life)}`);
      }
      for (const life of disk.lives) {
        for (const { generation } of life.acquisitions()) {
          const other = generations.get(generation);
          if (other !== undefined) throw new Error(`${other} and ${life.name} both got generation ${generation}`);
          generations.set(generation, life.name);
        }
      }
    }
  }

  /**
   * The longest time, in ms, in which children of two disks committed although neither instance was stopped or cut off,
   * nor had been until `grace` before.
   */
  longestOverlap(grace: Readonly<Record<'stopped' | 'cut off', number>>): number {
    const spans = this.#disks.flatMap((disk) =>
      disk.lives.map((life) => {
        const times = life.acknowledged().map(({ time }) => time);
        return { disk, life, from: times[0] ?? 0, to: times.at(-1) ?? 0 };
      }),
    );
    let longest = 0;
    for (const one of spans) {
      for (const other of spans) {
        if (one.disk === other.disk || one.from > other.from) continue;
        const windows = [...one.disk.impairments, ...other.disk.impairments].map(({ kind, from, to }) => ({
          from,
          to: (to ?? Number.POSITIVE_INFINITY) + grace[kind],
        }));
        longest = Math.max(longest, longestFree(other.from, Math.min(one.to, other.to), windows));
      }
    }
    return longest;
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The longest part of a time that no window covers. */
function longestFree(
  from: number,
  to: number,
  windows: readonly { readonly from: number; readonly to: number }[],
): number {
  let longest = 0;
  let at = from;
  for (const window of [...windows].sort((a, b) => a.from - b.from)) {
    if (window.from > at) longest = Math.max(longest, Math.min(window.from, to) - at);
    at = Math.max(at, window.to);
  }
  return Math.max(longest, to - at);
}
