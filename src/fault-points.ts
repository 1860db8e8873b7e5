/**
 * Named points at which a test may have the process killed, to prove that no instant is a bad one to die at.
 * `STATION_FAULT_POINT=after-rename:3` kills it with SIGKILL at the third passing of `after-rename`. Inert otherwise.
 */
export type FaultPoint =
  | 'after-temporary-file'
  | 'after-rename'
  | 'before-position'
  | 'after-position'
  | 'before-upload'
  | 'after-upload'
  | 'after-merge'
  | 'before-delete'
  | 'after-delete'
  | 'during-restore'
  | 'before-publish'
  | 'after-publish';

const [armedPoint, armedCount] = (process.env['STATION_FAULT_POINT'] ?? '').split(':');
let remaining = Number(armedCount ?? 1);

export function faultPoint(point: FaultPoint): void {
  if (point !== armedPoint) return;
  remaining -= 1;
  if (remaining === 0) process.kill(process.pid, 'SIGKILL');
}
