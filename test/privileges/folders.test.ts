/** Folders that cannot be written: one clear error before the command starts. And a read-only root, which is none. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DatabaseConfig } from '../../src/config/config.ts';
import { isStationError } from '../../src/errors.ts';
import type { Log } from '../../src/observe/log.ts';
import { checkFolders } from '../../src/privileges/settle-in.ts';
import { addRow, nobody, Volume, type VolumeRun } from './volume.ts';

const asNobody: VolumeRun = { by: ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'] };
const readOnly = (folder: string) => `mount --bind ${folder} ${folder} && mount -o remount,bind,ro ${folder}`;

async function refusal(volume: Volume, run: VolumeRun): Promise<string> {
  const life = await volume.run('echo started', run);
  expect(life.code, life.log()).toBe(78);
  expect(life.output()).toBe('');
  expect(life.log()).not.toContain('command started');
  return life.log();
}

describe('a data folder that cannot be written: 78, and no command', () => {
  it('because it is not there and cannot be made', async () => {
    await using volume = new Volume();
    expect(await refusal(volume, asNobody)).toBe(
      `error: the folder of the database, ${volume.folder}/data, cannot be made by uid 65534, gid 65534: ` +
        `${volume.folder} belongs to uid 0, gid 0, mode 0755 (EACCES)\n` +
        'hint: chown it to this user; a start as root with --user does so, but not to other people’s folders and files\n',
    );
  });

  it('because it is somebody else’s', async () => {
    await using volume = new Volume();
    volume.make('data/', 1234, 0o750);
    volume.make('backup/', nobody);
    expect(await refusal(volume, asNobody)).toContain(`/data belongs to uid 1234, gid 1234, mode 0750 (EACCES)`);
  });

  it('because the database in it is somebody else’s', async () => {
    await using volume = new Volume();
    volume.make('data/', nobody);
    volume.make('data/station.db', 1234, 0o644);
    expect(await refusal(volume, asNobody)).toContain(
      `/data/station.db belongs to uid 1234, gid 1234, mode 0644 (EACCES)`,
    );
  });

  it.each([
    ['as nobody', asNobody],
    ['as root', {}],
    ['with --user', { flags: ['--user', '65534'] }],
  ])('because it is mounted read-only (%s)', async (_, run: VolumeRun) => {
    await using volume = new Volume();
    const data = volume.make('data/', nobody);
    volume.make('backup/', nobody);
    const log = await refusal(volume, { ...run, before: readOnly(data) });
    expect(log).toMatch(
      /^error: .*\/data is on a read-only file system\nhint: mount a volume there, or mount it writable\n$/,
    );
  });

  it.each(['data', 'data/station.db/..'])('because a file is where a folder should be', async (path) => {
    await using volume = new Volume();
    volume.make('data', nobody);
    volume.configure({ path: join(volume.folder, path, 'deeper', 'station.db') });
    expect(await refusal(volume, {})).toMatch(/\/data is a file, where a folder should be\n/);
  });

  it('the staging folder as well', async () => {
    await using volume = new Volume();
    volume.make('data/', nobody);
    volume.make('staging/', 0, 0o755);
    volume.configure({ 'meta-path': join(volume.folder, 'staging') });
    expect(await refusal(volume, asNobody)).toMatch(
      /^error: the folder of the staging folder, .*\/staging belongs to uid 0/,
    );
  });
});

describe('a replica’s folder that cannot be written', () => {
  it('is an error, 78, where it is the only replica', async () => {
    await using volume = new Volume();
    volume.make('data/', nobody);
    volume.make('backup/', 0, 0o755);
    expect(await refusal(volume, asNobody)).toMatch(
      /^error: the folder of a replica, .*\/backup\/station, cannot be made by uid 65534.* \S+\/backup belongs to uid 0/,
    );
  });

  it('is one line of the log where there is another: the store tells what follows', () => {
    const folder = mkdtempSync(join(tmpdir(), 'folders-'));
    writeFileSync(join(folder, 'file'), '');
    const replicas = ['file/first', 'second'].map((path) => ({
      name: path,
      store: { type: 'file', path: join(folder, path) },
    }));
    const path = join(folder, 'station.db');
    const database = { path, stagingFolder: join(folder, 'staging'), replicas } as unknown as DatabaseConfig;
    const lines: string[] = [];
    checkFolders([database], false, { error: (message: string) => lines.push(message) } as unknown as Log);
    expect(lines).toEqual([expect.stringMatching(/file\/first, cannot be used: .*\/file is a file/)]);
    rmSync(folder, { recursive: true });
  });
});

it('a read-only root is no hindrance: data, staging and replica are all that is written', async () => {
  await using volume = new Volume();
  const [data, backup] = [volume.make('data/', 0, 0o755), volume.make('backup/', 0, 0o755)];
  const before = [
    'mount --rbind /tmp /tmp',
    `mount --bind ${data} ${data}`,
    `mount --bind ${backup} ${backup}`,
    'mount -o remount,bind,ro /tmp',
    'mount -o remount,bind,ro /',
    `cd ${volume.folder}`,
  ].join(' && ');
  const life = await volume.run(`touch /x; touch /tmp/x; ${addRow}`, { before, flags: ['--user', '65534'] });
  expect(life.log().match(/cannot touch .*Read-only file system/g), life.log()).toHaveLength(2);
  expect(life.code, life.log()).toBe(0);
  expect(volume.ownerOf(volume.database)).toBe(nobody);
});

describe('in ephemeral mode', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'folders-'));
    writeFileSync(join(folder, 'data'), '');
    chmodSync(folder, 0o755);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function check(data: string, assumed: boolean): readonly string[] {
    const path = join(folder, data, 'station.db');
    const database = { path, stagingFolder: join(folder, 'staging'), replicas: [] } as unknown as DatabaseConfig;
    const lines: string[] = [];
    const log = { warn: (message: string) => lines.push(message) } as unknown as Log;
    checkFolders([database], assumed, log);
    return lines;
  }

  it('the folder of a database that somebody named must be writable', () => {
    expect(() => check('data', false)).toThrow(expect.toSatisfy((error) => isStationError(error, 'DATA_FOLDER')));
  });

  it('that of the default one is only warned of, since the command may know nothing of it', () => {
    expect(check('data', true)).toEqual([expect.stringContaining('is a file, where a folder should be')]);
  });

  it('and is not made', () => {
    expect(check('nowhere', true)).toEqual([]);
    expect(check('nowhere', true)).toEqual([]);
  });
});
