/** An init that stays root, and a program that became somebody else: does the stop signal come through? */
import { expect, it } from 'vitest';
import { maySignalOthers } from '../../src/privileges/signals-from-parent.ts';
import { nobody, Volume } from './volume.ts';

it.for([
  ['all capabilities', '000001ffffffffff', true],
  ['KILL alone', '0000000000000020', true],
  ['CHOWN, SETGID, SETUID', '00000000000000c1', false],
  ['none', '0000000000000000', false],
] as const)('a process with %s', ([, set, may]) => {
  expect(maySignalOthers(`Name:\ttini\nCapEff:\t${set}\nCapBnd:\t000001ffffffffff\n`)).toBe(may);
});

const flags = ['--user', String(nobody)];
/** A parent that stays, as tini does. */
const underShell = ['sh', '-c', '"$@"; exit $?', 'sh'];
const warning = /level=WARN msg="the stop signal cannot reach this process.*hint=.*KILL/;

it('a parent without CAP_KILL is warned of', async () => {
  await using volume = new Volume();
  const by = ['setpriv', '--bounding-set', '-kill', '--inh-caps', '-all', ...underShell];
  const life = await volume.run('true', { flags, by });
  expect(life.code, life.log()).toBe(0);
  expect(life.log()).toMatch(warning);
});

it('one that has it is not', async () => {
  await using volume = new Volume();
  const life = await volume.run('true', { flags, by: underShell });
  expect(life.code, life.log()).toBe(0);
  expect(life.log()).not.toMatch(warning);
});
