import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { startS3Server } from '../servers/s3-server.ts';
import { composeFile, composeOptions } from './compose-options.ts';
import { createVolume, runContainer, startContainer } from './container.ts';
import { engineMissing, engineOutput, output } from './container-engine.ts';
import { BASE, buildImages, buildSmall, buildStation, SAMPLE, STATION } from './images.ts';
import { environment, mounted, replicatedTo, startSampleApp } from './sample-app.ts';

const missing = engineMissing();
if (missing !== undefined && process.env['CI']) throw new Error(`the image cannot be tested: ${missing}`);
if (missing !== undefined) console.warn(`test/image is skipped: ${missing}`);

const MEGABYTE = 1_000_000;

describe.skipIf(missing !== undefined)('the image', { timeout: 120_000 }, () => {
  // Half a minute for Debian, once; as much for the packages and the bundle.
  beforeAll(buildImages, 600_000);

  const store = async () => {
    const server = await startS3Server({ buckets: ['bucket'] });
    onTestFinished(() => server.stop());
    return server;
  };

  describe('is made so that', () => {
    test('a platform knows what it is, whom it runs as and how it is stopped', async () => {
      const [{ Config: config }] = JSON.parse(await engineOutput('podman', ['image', 'inspect', BASE]));
      expect(config).toMatchObject({
        Entrypoint: ['/usr/bin/tini', '--', '/app/entrypoint'],
        User: '1000:1000',
        StopSignal: 'SIGTERM',
        Labels: {
          'org.opencontainers.image.title': 'station-entrypoint',
          'org.opencontainers.image.licenses': packageJson.license,
          'org.opencontainers.image.version': packageJson.version,
        },
      });
      expect(config.Cmd ?? []).toEqual([]);
    });

    test('it is below 250 MB', async () => {
      const size = Number(await engineOutput('podman', ['image', 'inspect', '--format', '{{.Size}}', BASE]));
      expect(size).toBeGreaterThan(100 * MEGABYTE);
      expect(size).toBeLessThan(250 * MEGABYTE);
    });

    test('nothing is in it that only a build or a test needs', async () => {
      const list =
        'cd /opt/station-entrypoint && ls && ls -A node_modules && find . -name "*.ts" -o -name "*.map"; ls /app';
      const { stdout } = await runContainer(BASE, ['--entrypoint', 'sh'], ['-c', list]);
      expect(stdout.trim().split('\n')).toEqual([
        ...['LICENSE', 'dist', 'entrypoint', 'node_modules'],
        ...['.bin', '@antoniomuso', 'better-sqlite3', 'lz4-napi'],
        'entrypoint',
      ]);
      const tools = 'command -v npm yarn corepack npx tsc; ls /build /image';
      expect(await runContainer(BASE, ['--entrypoint', 'sh'], ['-c', tools])).toMatchObject({ stdout: '' });
    });

    test('it answers on PATH as station-entrypoint and as litestream', async () => {
      const answers = 'station-entrypoint version && litestream version && /app/entrypoint version';
      const { stdout } = await runContainer(BASE, ['--entrypoint', 'sh'], ['-c', answers]);
      expect(stdout).toBe(`station-entrypoint ${packageJson.version} (Node.js ${process.version})\n`.repeat(3));
    });

    test('a program may bring a Node of its own, and does not change ours', async () => {
      await buildSmall('own-node', `FROM ${BASE}\nCOPY node /usr/local/bin/node\n`, {
        node: '#!/bin/sh\necho theirs\n',
      });
      const { stdout } = await runContainer('own-node', [], ['sh', '-c', 'node; litestream version']);
      expect(stdout).toContain('theirs\n');
      expect(stdout).toContain(`(Node.js ${process.version})`);
    });

    test('without a command it says so', async () => {
      expect(await runContainer(BASE)).toMatchObject({ code: 64, stderr: expect.stringContaining('no command') });
    });
  });

  describe('with tini as PID 1', () => {
    test('orphans of the program do not stay as zombies', async () => {
      // Each inner shell ends before its sleep, which PID 1 then inherits. Whoever is not reaped stays in /proc for ever.
      const script = `
        for n in 1 2 3; do sh -c 'sleep 0.2 & echo $!' >> /tmp/orphans; done
        for try in $(seq 100); do
          left=0
          for pid in $(cat /tmp/orphans); do if [ -e /proc/$pid ]; then left=$((left + 1)); fi; done
          if [ $left = 0 ]; then break; fi
          sleep 0.1
        done
        echo "init $(cat /proc/1/comm), orphans $(wc -l < /tmp/orphans), left $left"`;
      const { code, stdout } = await runContainer(BASE, [], ['sh', '-c', script]);
      expect(stdout).toContain('init tini, orphans 3, left 0\n');
      expect(code).toBe(0);
    });

    test.each([
      { command: ['sh', '-c', 'exit 3'], status: 3, why: 'its own' },
      { command: ['sh', '-c', 'kill -KILL $$'], status: 137, why: 'a signal' },
      { command: ['/etc/passwd'], status: 126, why: 'not executable' },
      { command: ['no-such-program'], status: 127, why: 'not found' },
    ])('the exit status is $status ($why)', async ({ command, status }) => {
      expect((await runContainer(BASE, [], command)).code).toBe(status);
    });

    test('a program ended by SIGTERM gives 143', async () => {
      await using container = await startContainer(BASE, [], ['sleep', '60']);
      await container.waitFor(/command started/);
      expect(await container.stop()).toBe(143);
    });
  });

  describe('the sample app on it', () => {
    test('without a replica runs in ephemeral mode, with a warning', async () => {
      await using app = await startSampleApp([]);
      await app.add('mortal');
      expect(await app.logs()).toContain('No Litestream replica configured. Running in ephemeral mode.');
      expect(await app.stop()).toBe(0);
    });

    test('keeps its rows over the loss of container and volume', async () => {
      const server = await store();
      await using lost = await createVolume();
      {
        await using app = await startSampleApp([...mounted(lost), ...replicatedTo(server)]);
        await app.add('one', 'two', 'three');
        expect(await app.stop()).toBe(0);
      }
      await lost.remove();

      await using fresh = await createVolume();
      await using app = await startSampleApp([...mounted(fresh), ...replicatedTo(server)]);
      expect(await app.texts()).toEqual(['three', 'two', 'one']);
      const restore = ['litestream', 'restore', '-o', '/tmp/copy.db', '/data/station.db'];
      expect(await app.exec(...restore)).toMatchObject({ code: 0 });
      expect((await app.exec('stat', '-c', '%U %n', '/tmp/copy.db')).stdout).toBe('station /tmp/copy.db\n');
      expect(await app.stop()).toBe(0);
    });

    test('killed with SIGKILL, loses no committed row of its volume, and replicates the rest at its next start', async () => {
      const server = await store();
      await using volume = await createVolume();
      {
        await using app = await startSampleApp([...mounted(volume), ...replicatedTo(server)]);
        await app.add('before');
        await app.kill('KILL');
        expect(await app.ended()).toBe(137);
      }
      {
        await using app = await startSampleApp([...mounted(volume), ...replicatedTo(server)]);
        expect(await app.texts()).toEqual(['before']);
        await app.add('after');
        expect(await app.stop()).toBe(0);
      }
      await using fresh = await createVolume();
      await using app = await startSampleApp([...mounted(fresh), ...replicatedTo(server)]);
      expect(await app.texts()).toEqual(['after', 'before']);
    });

    test('does not start with wrong credentials: 69, and a hint', async () => {
      const server = await store();
      const wrong = environment({ LITESTREAM_S3_SECRET_ACCESS_KEY: 'wrong' });
      const { code, stdout, stderr } = await runContainer(SAMPLE, [...replicatedTo(server), ...wrong]);
      expect(code).toBe(69);
      expect(stdout + stderr).toMatch(/level=ERROR .*SignatureDoesNotMatch.* hint=".+"/);
      expect(stdout).not.toContain('sample app:');
    });

    test('takes a secret from a file', async () => {
      const server = await store();
      const folder = mkdtempSync(join(tmpdir(), 'secrets-'));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      writeFileSync(join(folder, 'key'), `${server.secretAccessKey}\n`, { mode: 0o644 });
      await output('chown', ['-R', '1000:1000', folder]);
      const variables = replicatedTo(server).map((word) =>
        word.startsWith('LITESTREAM_S3_SECRET') ? 'LITESTREAM_S3_SECRET_ACCESS_KEY_FILE=/secrets/key' : word,
      );
      await using app = await startSampleApp([...variables, '--volume', `${folder}:/secrets:ro`]);
      await app.add('one');
      expect(await app.stop()).toBe(0);
      expect(server.objects('bucket')).not.toEqual([]);
    });

    test.each([
      { shell: 'one that gives way', command: ['sh', '-c', 'exec node main.ts'], status: 0 },
      { shell: 'one that stays', command: ['sh', '-c', 'node main.ts; echo the app ended with $?'], status: 143 },
    ])('under sh -c drains as well: $shell', async ({ command, status }) => {
      const server = await store();
      {
        await using app = await startSampleApp(replicatedTo(server), command);
        await app.add('one');
        expect(await app.stop()).toBe(status);
      }
      await using app = await startSampleApp(replicatedTo(server));
      expect(await app.texts()).toEqual(['one']);
    });

    test('with CMD in shell form drains as well', async () => {
      await buildSmall('shell-form', `FROM ${SAMPLE}\nCMD node main.ts\n`);
      const server = await store();
      {
        await using app = await startSampleApp(replicatedTo(server), [], 'shell-form');
        await app.add('one');
        // Debian's shell stays, and ends by the signal.
        expect(await app.stop()).toBe(143);
      }
      await using app = await startSampleApp(replicatedTo(server));
      expect(await app.texts()).toEqual(['one']);
    });
  });

  describe('as whom', () => {
    const identity = ['sh', '-c', 'echo "user $(id -u):$(id -g)"; exec node main.ts'];

    test('as root with STATION_USER takes over a volume of root’s, and runs as that user', async () => {
      await using volume = await createVolume();
      const make = 'touch /data/theirs && chown -R 0:0 /data && chmod 0755 /data';
      await runContainer(BASE, [...mounted(volume), '--user', '0:0', '--entrypoint', 'sh'], ['-c', make]);
      const capabilities = ['CHOWN', 'DAC_OVERRIDE', 'KILL', 'SETGID', 'SETUID'].map((name) => `--cap-add=${name}`);
      const root = ['--user', '0:0', '--cap-drop=ALL', ...capabilities, ...environment({ STATION_USER: 'station' })];
      await using app = await startSampleApp([...mounted(volume), ...root], identity);
      expect(await app.logs()).toContain('user 1000:1000\n');
      await app.add('one');
      const { stdout } = await app.exec('stat', '-c', '%u:%g %n', '/data', '/data/station.db');
      expect(stdout).toBe('1000:1000 /data\n1000:1000 /data/station.db\n');
      expect(await app.stop()).toBe(0);
    });

    test('as a user nobody ever heard of, where the volume lets it write', async () => {
      await using volume = await createVolume();
      const make = 'chown 54321:54321 /data';
      await runContainer(BASE, [...mounted(volume), '--user', '0:0', '--entrypoint', 'sh'], ['-c', make]);
      await using app = await startSampleApp([...mounted(volume), '--user', '54321:54321'], identity);
      expect(await app.logs()).toContain('user 54321:54321\n');
      await app.add('one');
      expect(await app.stop()).toBe(0);
    });

    test('as any user of group 0, without a volume', async () => {
      await using app = await startSampleApp(['--user', '54321:0']);
      await app.add('one');
      expect(await app.stop()).toBe(0);
    });

    test('as the image’s own user, on a new volume', async () => {
      await using volume = await createVolume();
      await using app = await startSampleApp(mounted(volume), identity);
      expect(await app.logs()).toContain('user 1000:1000\n');
      await app.add('one');
      expect(await app.stop()).toBe(0);
    });
  });

  describe('with a read-only root', () => {
    const readOnly = ['--read-only', '--read-only-tmpfs=false'];

    test('keeps its rows, with nothing writable but the volume', async () => {
      const server = await store();
      {
        await using volume = await createVolume();
        await using app = await startSampleApp([...readOnly, ...mounted(volume), ...replicatedTo(server)]);
        await app.add('one');
        expect(await app.stop()).toBe(0);
      }
      await using volume = await createVolume();
      await using app = await startSampleApp([...readOnly, ...mounted(volume), ...replicatedTo(server)]);
      expect(await app.texts()).toEqual(['one']);
    });

    test('a data folder that cannot be written is 78 before the program starts', async () => {
      const server = await store();
      const { code, stdout, stderr } = await runContainer(SAMPLE, [...readOnly, ...replicatedTo(server)]);
      expect(stderr).toContain('/data');
      expect(stdout).not.toContain('sample app:');
      expect(code).toBe(78);
    });
  });

  describe('target station', () => {
    const stn = `#!/bin/sh
      if [ "$1" = --version ]; then echo stand-in; exit; fi
      for folder in "\${STATION_DATABASE_URL%/*}" "$HOME" /tmp; do echo > "$folder/written" || exit; done
      echo "stand-in: $*, on $STATION_DATABASE_URL"
      trap 'echo stand-in: finishing; exit 0' TERM
      while :; do sleep 0.1; done\n`;

    test('takes Station from an image', async () => {
      await buildSmall('somebody/station', 'FROM scratch\nCOPY stn /usr/local/bin/stn\n', { stn });
      await buildStation('localhost/somebody/station', {});
      await using station = await startContainer(STATION);
      await station.waitFor(/stand-in: serve, on \/data\/station\.db/);
      expect(await station.stop()).toBe(0);
    });

    test('takes Station as a binary, and runs as docker-compose.production.yml has it', async () => {
      await buildStation('station-binary', { stn });
      await using data = await createVolume();
      await using backup = await createVolume();
      const options = composeOptions({ 'station-data': data.name, 'station-backup': backup.name });
      // A network of its own, because the Compose file chooses the port.
      await using station = await startContainer(STATION, [...options, '--network=none']);
      await station.waitFor(/stand-in: serve, on \/data\/station\.db/);
      expect(await station.logs()).toContain('budget 55s');
      const [, ...healthCheck] = composeFile.services.station.healthcheck.test;
      expect(await station.exec(...healthCheck)).toMatchObject({ code: 0 });
      expect(await station.exec(...healthCheck.map((word) => word.replace('9090', '9091')))).toMatchObject({ code: 1 });
      expect(await station.stop()).toBe(0);
    });

    test('is not built from what cannot run here', async () => {
      await expect(buildStation('station-binary', { stn: 'for another machine' })).rejects.toThrow(/stn --version/);
      await expect(buildStation('station-binary', {})).rejects.toThrow(/usr\/local\/bin\/stn/);
    });
  });
});
