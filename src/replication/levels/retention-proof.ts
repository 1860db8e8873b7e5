import { StationError } from '../../errors.ts';
import type { Txid } from '../../quantities.ts';
import type { Inventory } from '../../restore/inventory.ts';
import { restorablePoints } from '../../restore/plan.ts';
import { firstEndingAbove, type HeldFile, idOf } from './held-files.ts';
import type { RetentionPlan } from './retention-plan.ts';

/**
 * Proves a plan by the restore's own planning, whatever the policy that made it was thinking: without the files that are to
 * go, the newest point is the same, and every point from the base on at which a file stays can still be reached; and no
 * level-0 file goes whose changes are nowhere else.
 * @throws StationError INTERNAL; nothing must be deleted then
 */
export function proveRetention(plan: RetentionPlan): void {
  const staying = plan.staying.map(({ file }) => file);
  const base = plan.staying.find(({ why }) => why === 'base')?.file.maxTxid ?? (0 as Txid);
  const merged = staying.filter(({ level }) => level === 1);
  const alone = plan.going.find(({ file }) => file.level === 0 && file.maxTxid > base && !isCovered(file, merged));
  if (alone !== undefined) throw unsound(`the changes of TXID ${alone.file.maxTxid} would be lost`);
  // Level-0 files that others stand in for change no route but their own; planning takes long where there are many.
  if (plan.going.some(({ file, why }) => why !== 'merged' || file.level > 0)) proveRoutes(plan, staying, base);
}

function proveRoutes(plan: RetentionPlan, staying: readonly HeldFile[], base: Txid): void {
  const before = restorablePoints(inventoryOf([...staying, ...plan.going.map(({ file }) => file)]));
  const after = new Set(restorablePoints(inventoryOf(staying)));
  const newest = before.at(-1);
  if (newest !== undefined && !after.has(newest)) throw unsound(`the newest state, TXID ${newest}, would be lost`);
  const ends = new Set(staying.map((file) => file.maxTxid));
  const lost = before.find((point) => point >= base && ends.has(point) && !after.has(point));
  if (lost !== undefined) throw unsound(`TXID ${lost} could no longer be reached`);
}

function isCovered(file: HeldFile, merged: readonly HeldFile[]): boolean {
  const over = merged[firstEndingAbove(merged, (file.maxTxid - 1) as Txid)];
  return over !== undefined && over.minTxid <= file.minTxid;
}

function inventoryOf(files: readonly HeldFile[]): Inventory {
  const listed = files.map((file) => ({ ...file, key: idOf(file), lastModified: file.storedAt }));
  const newestListed = files.reduce((newest, file) => Math.max(newest, file.maxTxid), 0) as Txid;
  return { files: listed, newestListed, unreadable: undefined };
}

function unsound(what: string): StationError {
  return new StationError('INTERNAL', `retention would go too far: ${what}; nothing was deleted`);
}
