/** The pieces together, in ways a single database with a single replica does not show. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { checkout, node, Site } from './life.ts';
import { s3Replica, startStore } from './s3-site.ts';

const entrypoint = join(checkout, 'entrypoint');
const scriptedApp = join(import.meta.dirname, 'scripted-app.ts');

describe('configuration', () => {
  it('from the environment alone, with the command from STATION_COMMAND', async () => {
    await using store = await startStore();
    await using site = new Site();
    const environment = {
      HOME: site.folder,
      STATION_DATABASE: site.database,
      STATION_COMMAND: `${node} ${scriptedApp} list add=2 exit=4`,
      LITESTREAM_S3_BUCKET: 'bucket',
      LITESTREAM_S3_PATH: 'station',
      LITESTREAM_S3_ENDPOINT: store.url,
      AWS_ACCESS_KEY_ID: store.accessKeyId,
      AWS_SECRET_ACCESS_KEY: store.secretAccessKey,
      AWS_REGION: 'us-east-1',
    };
    const first = site.launch(entrypoint, [], environment);
    expect((await first.ended).code, first.log() + first.output()).toBe(4);
    expect(store.objects('bucket').length).toBeGreaterThan(0);
    site.wipe();
    const second = site.launch(entrypoint, ['run'], environment);
    expect((await second.ended).code, second.log() + second.output()).toBe(4);
    expect(second.seen()).toEqual([1, 2]);
  });

  it('two databases: each is restored before the child, and drained after it', async () => {
    await using site = new Site();
    const other = join(site.folder, 'data', 'other.db');
    const databases = [site.database, other].map((path, index) => ({
      path,
      replicas: [site.folderReplica(`replica-${index}`)],
    }));
    writeFileSync(site.config, stringify({ logging: { stderr: true }, dbs: databases }));
    const script = `${node} ${scriptedApp} list add=2 && DATABASE=${other} ${node} ${scriptedApp} list add=3`;
    const run = () => site.launch(entrypoint, ['run', '--config', site.config, '--', '/bin/sh', '-c', script]);
    const first = run();
    expect((await first.ended).code, first.log()).toBe(0);
    site.wipe();
    const second = run();
    expect((await second.ended).code, second.log()).toBe(0);
    expect(second.output()).toContain('seen 1 2\n');
    expect(second.output()).toContain('seen 1 2 3\n');
  });

  it('two replicas at different intervals both hold everything at the end', async () => {
    await using store = await startStore();
    await using site = new Site();
    const s3 = { ...s3Replica(store, store.url), 'sync-interval': '1h' };
    const life = site.start(['writing'], { replicas: [site.folderReplica(), s3] });
    await life.waitFor(/^row 60$/m);
    expect((await life.stop()).code, life.log()).toBe(0);
    expect(life.log()).not.toContain('replica is behind');
    site.wipe();
    expect((await site.run(['list'], { replicas: [s3] })).seen()).toEqual(life.acknowledged());
  });
});

describe('the supervisor is killed', () => {
  it('while the application goes on: the next one finds what it missed', async () => {
    await using site = new Site();
    const first = site.start(['writing']);
    await first.waitFor(/^row 20$/m);
    first.kill('SIGKILL');
    const seenSoFar = first.acknowledged().length;
    while (first.acknowledged().length < seenSoFar + 40) await pause(10);
    process.kill(first.childPid(), 'SIGTERM');
    await first.ended;
    const second = await site.run(['list']);
    expect(second.code, second.log()).toBe(0);
    expect(second.seen()).toEqual(first.acknowledged());
    site.wipe();
    expect((await site.run(['list'])).seen()).toEqual(first.acknowledged());
  });

  it('and a new one is started while the application still writes', async () => {
    await using site = new Site();
    const first = site.start(['writing']);
    await first.waitFor(/^row 20$/m);
    first.kill('SIGKILL');
    const second = site.start(['add=5', 'until-term']);
    await second.waitFor(/^waiting$/m);
    await pause(300);
    process.kill(first.childPid(), 'SIGTERM');
    await first.ended;
    expect((await second.stop()).code, second.log()).toBe(0);
    site.wipe();
    const all = [...first.acknowledged(), ...second.acknowledged()].sort((a, b) => a - b);
    expect((await site.run(['list'])).seen()).toEqual(all);
  });
});

describe('as PID 1, as in a container', () => {
  const namespace = ['--pid', '--fork', '--kill-child', '--mount-proc'];
  const refusal = spawnSync('unshare', [...namespace, 'true'], { encoding: 'utf8' });

  it('takes SIGTERM, drains, and hands on the exit status', async ({ skip }) => {
    const possible = refusal.status === 0;
    expect(possible || process.env['CI'] === undefined, refusal.stderr).toBe(true);
    skip(!possible, `no process namespace can be made here: ${refusal.stderr}`);
    await using site = new Site();
    const child = [node, scriptedApp, 'add=1', 'until-term'];
    const words = [...namespace, entrypoint, 'run', '--config', site.config, '--', ...child];
    const life = site.launch('unshare', words);
    await life.waitFor(/^waiting$/m);
    const inner = Number(readFileSync(`/proc/${life.pid}/task/${life.pid}/children`, 'utf8').trim());
    process.kill(inner, 'SIGTERM');
    expect((await life.ended).code, life.log()).toBe(0);
    expect(life.log()).toContain('running as PID 1');
    expect(existsSync(site.database)).toBe(true);
    site.wipe();
    expect((await site.run(['list'])).seen()).toEqual([1, 2]);
  });
});
