import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import {
  isStopSignal,
  isStopSignalWithoutChild,
  otherSignals,
  receiveSignals,
  stopSignals,
} from '../../src/supervisor/signals.ts';

let release = () => {};
afterEach(() => release());

test('a signal that arrived under an earlier listener and was not handed out yet is not lost', async () => {
  const early: string[] = [];
  const received: string[] = [];
  process.on('SIGUSR2', (signal) => early.push(signal));
  process.kill(process.pid, 'SIGUSR2');
  release = receiveSignals((signal) => received.push(signal));
  while (early.length + received.length === 0) await sleep(5);
  expect({ early, received }).toEqual({ early: [], received: ['SIGUSR2'] });
});

test('TERM, INT and QUIT stop; HUP does only where there is no child to decide', () => {
  expect(stopSignals.every(isStopSignal)).toBe(true);
  expect(otherSignals.some(isStopSignal)).toBe(false);
  expect(otherSignals.filter(isStopSignalWithoutChild)).toEqual(['SIGHUP']);
});
