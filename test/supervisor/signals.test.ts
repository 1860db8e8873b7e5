import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import {
  forwardedSignals,
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

/** Why each of these is not passed on. */
const leftOut: Readonly<Record<string, string>> = {
  SIGKILL: 'cannot be received',
  SIGSTOP: 'cannot be received',
  SIGCHLD: 'tells of our own child',
  SIGSEGV: 'a fault of this process',
  SIGBUS: 'a fault of this process',
  SIGFPE: 'a fault of this process',
  SIGILL: 'a fault of this process',
  SIGTRAP: 'a fault of this process',
  SIGSYS: 'a fault of this process',
  SIGABRT: 'a fault of this process',
  SIGPIPE: 'answers our own write',
  SIGXFSZ: 'answers our own write',
  SIGTTIN: 'answers our own read of the terminal',
  SIGTTOU: 'answers our own write to the terminal',
  SIGPROF: 'Node’s profiler sends it to this process',
};

test.each(Object.keys(constants.signals))('%s is passed on, or there is a reason why not', (signal) => {
  const sameNumber = Object.entries(constants.signals).filter(
    ([, number]) => number === constants.signals[signal as NodeJS.Signals],
  );
  const names = sameNumber.map(([name]) => name);
  const isForwarded = names.some((name) => (forwardedSignals as readonly string[]).includes(name));
  expect(isForwarded !== names.some((name) => name in leftOut)).toBe(true);
});

test('TERM, INT and QUIT stop; HUP does only where there is no child to decide', () => {
  expect(stopSignals.every(isStopSignal)).toBe(true);
  expect(otherSignals.some(isStopSignal)).toBe(false);
  expect(otherSignals.filter(isStopSignalWithoutChild)).toEqual(['SIGHUP']);
});
