import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { mapSignal, parseSignalMap } from '../../src/supervisor/signal-map.ts';
import { errorOf } from '../ltx/error-of.ts';
import { startSupervisor } from './supervisor-process.ts';

test.each(['TERM=INT,HUP=USR1', 'TERM:INT,HUP:USR1', 'SIGTERM=SIGINT, SIGHUP=SIGUSR1', 'term → int, hup->usr1,'])(
  '%s',
  (text) => {
    const map = parseSignalMap(text);
    expect(mapSignal(map, 'SIGTERM')).toBe('SIGINT');
    expect(mapSignal(map, 'SIGHUP')).toBe('SIGUSR1');
    expect(mapSignal(map, 'SIGUSR2')).toBe('SIGUSR2');
  },
);

test.each([
  ['TERM', '"TERM" is not FROM=TO'],
  ['TERM=INT=HUP', '"TERM=INT=HUP" is not FROM=TO'],
  ['TREM=INT', '"TREM" is not a signal that is passed on'],
  ['KILL=INT', '"KILL" is not a signal that is passed on'],
  ['TERM=', '"" is not a signal that can be sent'],
  ['TERM=SEGV', '"SEGV" is not a signal that can be sent'],
  ['TERM=15', '"15" is not a signal that can be sent'],
  ['TERM=INT,SIGTERM=HUP', 'SIGTERM is mapped twice'],
])('%s is refused: %s', (text, message) => {
  expect(errorOf(() => parseSignalMap(text)).code).toBe('USAGE');
  expect(() => parseSignalMap(text)).toThrow(message);
});

describe('a program that stops at SIGINT alone', () => {
  const shell = (script: string) => ['/bin/sh', '-c', script];

  test('gets SIGINT once for two SIGTERMs and a SIGINT, and is drained', async () => {
    const script = `trap "echo TERM >> rows" TERM; trap "echo INT >> rows; stop=1" INT; touch ready
      while [ -z "$stop" ]; do sleep 0.02; done; sleep 0.4; exit 4`;
    await using supervisor = startSupervisor(shell(script), { signalMap: 'TERM=INT' });
    await supervisor.waitFor(() => existsSync(join(supervisor.folder, 'ready')));
    supervisor.process.kill('SIGTERM');
    await supervisor.waitFor(() => supervisor.read('rows') !== '');
    supervisor.process.kill('SIGTERM');
    supervisor.process.kill('SIGINT');
    expect((await supervisor.ended).code, supervisor.log()).toBe(4);
    expect(supervisor.events()).toContain('drain INT');
    expect(supervisor.events()).toContain('drained');
  });
});
