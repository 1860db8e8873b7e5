/** Started as root with --user: what the user gets, what stays as it was, and that there is no way back. */
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addRow, countRows, nobody, Volume } from './volume.ts';

const asNobody = { flags: ['--user', String(nobody)] };

describe('--user on a fresh volume of root’s', () => {
  it('makes and gives every folder, and a second life restores as that user', async () => {
    await using volume = new Volume();
    volume.make('data/', 0, 0o755);
    const first = await volume.run(`${addRow}; id -u; id -G; echo "$HOME $USER $LOGNAME"`, {
      environment: { STATION_USER: '1234:4321' },
    });
    expect(first.code, first.log()).toBe(0);
    expect(first.output()).toBe('wal\n1234\n4321\n/  \n');
    for (const path of [volume.database, volume.staging, volume.replica, join(volume.replica, 'ltx')]) {
      expect(volume.ownerOf(path), path).toBe(1234);
    }
    rmSync(join(volume.folder, 'data'), { recursive: true });
    volume.make('data/', 0, 0o755);
    const second = await volume.run(countRows, { flags: ['--user', '1234:4321'] });
    expect(second.output(), second.log()).toBe('rows 1\n');
    expect(second.code).toBe(0);
  });

  it('takes name, groups and home from /etc/passwd and /etc/group, as su does', async () => {
    await using volume = new Volume();
    const life = await volume.run('id -un; echo "$HOME $USER $LOGNAME"', {
      flags: ['--user', 'nobody'],
      environment: { HOME: '/root', USER: 'root', LOGNAME: 'root' },
    });
    expect(life.output(), life.log()).toBe('nobody\n/nonexistent nobody nobody\n');
  });

  it('leaves neither the supervisor nor the command a way back to root', async () => {
    await using volume = new Volume();
    const life = volume.start('grep -E "^(Uid|Gid|Groups|Cap(Prm|Eff|Amb))" /proc/self/status; sleep 60', asNobody);
    await life.waitFor(/^CapAmb/m);
    const supervisor = readFileSync(`/proc/${life.pid}/status`, 'utf8');
    for (const status of [supervisor, life.output()]) {
      expect(status).toMatch(/^Uid:\t65534\t65534\t65534\t65534$/m);
      expect(status).toMatch(/^Gid:\t65534\t65534\t65534\t65534$/m);
      expect(status).toMatch(/^Groups:\t65534 ?$/m);
      for (const set of ['CapPrm', 'CapEff', 'CapAmb']) expect(status).toMatch(new RegExp(`^${set}:\t0+$`, 'm'));
    }
    // Every thread has changed, not the main one alone.
    for (const thread of readdirSync(`/proc/${life.pid}/task`)) {
      expect(readFileSync(`/proc/${life.pid}/task/${thread}/status`, 'utf8')).toMatch(/^Uid:\t65534\t65534\t65534/m);
    }
    await life.stop();
  });

  it('lets the command open /dev/stdout and /dev/stderr by name', async () => {
    await using volume = new Volume();
    // What Node calls pipes are sockets, which nobody can open; the shell makes one as a container runtime does.
    const by = ['/bin/sh', '-c', '"$@" 2>&1 | cat', 'sh'];
    const life = await volume.run('echo out >/dev/stdout && echo error >/dev/stderr', { ...asNobody, by });
    expect(life.output(), life.log()).toMatch(/^out$[\s\S]*^error$/m);
  });

  it('needs no more capabilities than CHOWN, SETUID and SETGID', async () => {
    await using volume = new Volume();
    volume.make('data/', 0, 0o755);
    const bounding = ['--bounding-set', '-all,+chown,+setuid,+setgid', '--inh-caps', '-all'];
    const life = await volume.run(`${addRow}; id -u`, { ...asNobody, by: ['setpriv', ...bounding] });
    expect(life.output(), life.log()).toBe('wal\n65534\n');
    expect(life.code).toBe(0);
  });
});

describe('--user on a volume with a history', () => {
  it('takes over what another uid has left, -wal and all', async () => {
    await using volume = new Volume();
    await volume.run(`${addRow}; kill -KILL $$`, { flags: ['--user', '1234'] });
    volume.make('data/station.db-wal', 1234);
    const life = await volume.run(`id -u; ${addRow}`, asNobody);
    expect(life.code, life.log()).toBe(0);
    expect(volume.ownerOf(volume.database)).toBe(nobody);
    const levels = readdirSync(join(volume.replica, 'ltx', '0'));
    expect(levels.length).toBeGreaterThan(1);
    for (const name of levels) expect(volume.ownerOf(join(volume.replica, 'ltx', '0', name))).toBe(nobody);
  });

  it('repairs what a restore by root has left in the user’s folders', async () => {
    await using volume = new Volume();
    await volume.run(addRow, asNobody);
    const left = ['station.db', '.station.db-litestream/station/lock', '.station.db-litestream/station/position.json'];
    const paths = left.map((name) => join(volume.folder, 'data', name));
    for (const path of paths) {
      chownSync(path, 0, 0);
      chmodSync(path, 0o600);
    }
    const life = await volume.run(addRow, asNobody);
    expect(life.code, life.log()).toBe(0);
    for (const path of paths) expect(volume.ownerOf(path), path).toBe(nobody);
  });

  it('does not walk through a replica that is the user’s already', async () => {
    await using volume = new Volume();
    await volume.run(addRow, asNobody);
    const deep = volume.make('backup/station/ltx/0/looked-at-only-by-a-walk', 0);
    await volume.run(addRow, asNobody);
    expect(volume.ownerOf(deep)).toBe(0);
  });
});

describe('--user gives away nothing that is not ours', () => {
  it('other people’s files in a shared data folder', async () => {
    await using volume = new Volume();
    const theirs = [volume.make('data/other.db', 1234), volume.make('data/roots.db'), volume.make('data/other/', 1234)];
    const beside = volume.make('backup/other/', 0);
    const life = await volume.run(addRow, asNobody);
    expect(life.code, life.log()).toBe(0);
    expect(theirs.map((path) => volume.ownerOf(path))).toEqual([1234, 0, 1234]);
    expect(volume.ownerOf(beside)).toBe(0);
  });

  it('another user’s folder with other files in it: 78, and it stays theirs', async () => {
    await using volume = new Volume();
    volume.make('data/photos/', 1234);
    const folder = volume.make('data/', 1234, 0o755);
    const life = await volume.run('echo started', asNobody);
    expect(life.code, life.log()).toBe(78);
    expect(life.log()).toContain(`${folder.replace(/\/$/, '')} belongs to uid 1234, gid 1234, mode 0755`);
    expect(life.output()).toBe('');
    expect(volume.ownerOf(folder)).toBe(1234);
  });

  it.each(['staging', 'replica'] as const)(
    'what a link of the user’s leads to, in place of the %s folder',
    async (which) => {
      await using volume = new Volume();
      await volume.run(addRow, asNobody);
      const secrets = volume.make('secrets/', 0);
      const secret = volume.make('secrets/ltx/key');
      rmSync(volume[which], { recursive: true });
      symlinkSync(secrets, volume[which]);
      lchownSync(volume[which], nobody, nobody);
      const life = await volume.run('true', asNobody);
      expect([secrets, secret].map((path) => volume.ownerOf(path))).toEqual([0, 0]);
      expect(life.code, life.log()).toBe(78);
    },
  );

  it('what a link of root’s leads to that the user has moved there', async () => {
    await using volume = new Volume();
    await volume.run(addRow, asNobody);
    const secrets = volume.make('secrets/', 0);
    const rootsLink = join(volume.folder, 'data', 'docs');
    symlinkSync(secrets, rootsLink);
    rmSync(volume.staging, { recursive: true });
    renameSync(rootsLink, volume.staging);
    const life = await volume.run('true', asNobody);
    expect(volume.ownerOf(secrets)).toBe(0);
    expect(life.code, life.log()).toBe(78);
  });

  it('what links inside lead to, and what has a second name elsewhere', async () => {
    await using volume = new Volume();
    await volume.run(addRow, asNobody);
    const secret = volume.make('secrets/key', 0, 0o600);
    symlinkSync(secret, join(volume.staging, 'station', 'a-link'));
    linkSync(secret, join(volume.staging, 'station', 'a-name'));
    linkSync(secret, `${volume.database}-journal`);
    await volume.run('true', asNobody);
    expect(volume.ownerOf(secret)).toBe(0);
  });

  it('a folder of the system', async () => {
    await using volume = new Volume();
    volume.configure({ path: '/home/station.db' });
    const life = await volume.run('echo started', { ...asNobody, before: 'mount -t tmpfs -o mode=755 none /home' });
    expect(life.code, life.log()).toBe(78);
    expect(life.log()).toContain('/home belongs to uid 0, gid 0, mode 0755');
    expect(life.output()).toBe('');
  });

  it('but a link of root’s is followed: /data may lead to the volume', async () => {
    await using volume = new Volume();
    volume.make('mnt/volume/', 0, 0o755);
    symlinkSync('mnt/volume', join(volume.folder, 'data'));
    const life = await volume.run(addRow, asNobody);
    expect(life.code, life.log()).toBe(0);
    expect(volume.ownerOf('mnt/volume')).toBe(nobody);
    expect(volume.ownerOf('mnt/volume/station.db')).toBe(nobody);
  });
});

describe('--user refuses, with 78 and no command', () => {
  it('a name that /etc/passwd does not have', async () => {
    await using volume = new Volume();
    const life = await volume.run('echo started', { flags: ['--user', 'no-such-user'] });
    expect(life.code).toBe(78);
    expect(life.log()).toMatch(/^error: there is no user no-such-user in \/etc\/passwd\nhint: .*1000:1000\n$/);
    expect(existsSync(join(volume.folder, 'data'))).toBe(false);
  });

  it('to become another user than the one it was started as', async () => {
    await using volume = new Volume();
    volume.make('data/', nobody);
    volume.make('backup/', nobody);
    const by = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];
    const other = await volume.run('echo started', { by, flags: ['--user', '1234'] });
    expect(other.code).toBe(78);
    expect(other.log()).toMatch(/^error: --user 1234: this is uid 65534, gid 65534, and only root can become uid 1234/);
    expect(other.output()).toBe('');
    const same = await volume.run('id -u', { by, ...asNobody });
    expect(same.output(), same.log()).toBe('65534\n');
    expect(same.code).toBe(0);
  });

  it('without the capability to change users', async () => {
    await using volume = new Volume();
    const by = ['setpriv', '--bounding-set', '-setuid,-setgid', '--inh-caps', '-all'];
    const life = await volume.run('echo started', { ...asNobody, by });
    expect(life.code).toBe(78);
    expect(life.log()).toMatch(
      /cannot become nobody \(uid 65534.*\nhint: the container needs the capabilities SETUID and SETGID/,
    );
    expect(life.output()).toBe('');
  });

  it('a config file or a secret that the user may not read', async () => {
    await using volume = new Volume();
    chmodSync(volume.config, 0o600);
    const config = await volume.run('echo started', asNobody);
    expect(config.code).toBe(78);
    expect(config.log()).toMatch(/litestream.yml: the config file cannot be read\nhint: .*this user may read it/);
    chmodSync(volume.config, 0o644);
    volume.configure({ replicas: [{ type: 's3', bucket: 'b', path: 'p', 'secret-access-key': `\${SECRET}` }] });
    const secret = await volume.run('echo started', {
      ...asNobody,
      environment: { SECRET_FILE: volume.make('secrets/key', 0, 0o600) },
    });
    expect(secret.code).toBe(78);
    expect(secret.log()).toMatch(/SECRET_FILE: .*secrets\/key cannot be read/);
    expect(config.output() + secret.output()).toBe('');
  });
});
