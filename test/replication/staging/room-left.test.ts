import { expect, it } from 'vitest';
import { isRoomLeft } from '../../../src/replication/staging/room-left.ts';

const MIB = 1 << 20;
const GIB = 1 << 30;

it.each([
  // Of a large disk the last 64 MiB, of a small one its last twentieth.
  [100 * GIB, 65 * MIB, true],
  [100 * GIB, 63 * MIB, false],
  [100 * MIB, 6 * MIB, true],
  [100 * MIB, 4 * MIB, false],
  [0, 0, false],
])('on a disk of %i bytes, %i bytes free: is there room for a copy beside the database? %s', (size, free, room) => {
  expect(isRoomLeft({ size, free })).toBe(room);
});
