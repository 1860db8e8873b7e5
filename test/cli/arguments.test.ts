import { describe, expect, test } from 'vitest';
import { parseLeaseOptions, parseRestore } from '../../src/cli/arguments.ts';
import { parseReplicate, parseRun } from '../../src/cli/run-arguments.ts';
import { chooseCommand } from '../../src/cli/run-options.ts';
import { chooseVerb } from '../../src/cli/verbs.ts';
import { isStationError } from '../../src/errors.ts';

const context = (environment: Readonly<Record<string, string>> = {}) =>
  ({ invokedAs: 'entrypoint', lookup: (name: string) => environment[name] }) as const;

const run = (words: string, environment?: Readonly<Record<string, string>>) =>
  parseRun(words.split(' ').filter(Boolean), context(environment));
const replicate = (words: readonly string[], environment?: Readonly<Record<string, string>>) =>
  parseReplicate(words, context(environment));
const restore = (...words: readonly string[]) => parseRestore(words, context());

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    return isStationError(error) ? error.code : String(error);
  }
  return undefined;
}

describe('the verb', () => {
  test.each([
    ['stn serve', 'run'],
    ['run stn serve', 'run'],
    ['-- restore', 'run'],
    ['--config c stn', 'run'],
    ['', 'run'],
    ['restore -o x /d', 'restore'],
    ['--help', 'help'],
    ['-h', 'help'],
    ['--version', 'version'],
  ])('of "%s" is %s', (words, verb) => {
    expect(chooseVerb('entrypoint', words.split(' ').filter(Boolean)).verb).toBe(verb);
  });

  test('is asked for under the name litestream', () => {
    expect(chooseVerb('litestream', ['restore', '/d'])).toEqual({ verb: 'restore', rest: ['/d'] });
    expect(codeOf(() => chooseVerb('litestream', []))).toBe('USAGE');
    expect(codeOf(() => chooseVerb('litestream', ['stn']))).toBe('USAGE');
  });
});

describe('the command of run', () => {
  test.each([
    ['stn serve --port 8080', ['stn', 'serve', '--port', '8080']],
    ['-- stn serve', ['stn', 'serve']],
    ['--config c -- stn -config d', ['stn', '-config', 'd']],
    ['-config c stn -config=d -- --json=false', ['stn', '-config=d', '--', '--json=false']],
    ['stn -- --help', ['stn', '--', '--help']],
    ['-- -x', ['-x']],
    ['-- -- x', ['--', 'x']],
  ])('%s', (words, command) => {
    expect(run(words).command).toEqual(command);
  });

  test('is STATION_COMMAND where none is given, read by the shell', () => {
    const environment = { STATION_COMMAND: 'exec stn serve --name "a b" $X' };
    expect(run('', environment).command).toEqual(['/bin/sh', '-c', environment.STATION_COMMAND]);
    expect(run('other', environment).command).toEqual(['other']);
  });

  test('may come from the config; none at all is an error for run, and replicates alone for replicate', () => {
    expect(chooseCommand(run(''), ['stn'])).toEqual(['stn']);
    expect(chooseCommand(run('own'), ['stn'])).toEqual(['own']);
    expect(codeOf(() => chooseCommand(run(''), undefined))).toBe('USAGE');
    expect(codeOf(() => chooseCommand(run('', { STATION_COMMAND: ' ' }), []))).toBe('USAGE');
    expect(chooseCommand(replicate([]), undefined)).toEqual([]);
  });
});

describe('the options of run', () => {
  const all =
    '--config c --no-expand-env --database /d --user 1000:1000 --listen :9090 --stop-timeout 1m30s --signal-map TERM=INT --restart on-failure:3 ' +
    '--ready-url http://127.0.0.1:8080/up --startup-timeout 1m --scrub-env --drain-require all --require-replica --restore-from s3 ' +
    '--restore-timeout 5s --restore-quorum all --on-conflict use-replica --integrity-check full ' +
    '--integrity-check-max-size 2GiB --log-format json --log-level debug';
  const parsed = {
    config: 'c',
    noExpandEnvironment: true,
    database: '/d',
    user: '1000:1000',
    listen: { host: undefined, port: 9090 },
    stopTimeout: 90_000,
    signalMap: new Map([['SIGTERM', 'SIGINT']]),
    restart: { kind: 'on-failure', most: 3 },
    readyCheck: { kind: 'url', url: new URL('http://127.0.0.1:8080/up') },
    startupTimeout: 60_000,
    scrubEnvironment: true,
    drainRequire: 'all',
    requireReplica: true,
    restoreFrom: 's3',
    restoreTimeout: 5000,
    restoreQuorum: 'all',
    onConflict: 'use-replica',
    integrityCheck: 'full',
    integrityCheckMaxBytes: 2 * 1024 ** 3,
    logFormat: 'json',
    logLevel: 'DEBUG',
    command: ['stn'],
  };

  test('in the usual spelling', () => expect(run(`${all} stn`)).toMatchObject(parsed));
  test('in Litestream’s', () => expect(run(`${all.replaceAll('--', '-')} stn`)).toMatchObject(parsed));
  test('with equals signs', () => {
    expect(run(`${all.replace(/(--\S+) ([^-]\S*)/g, '$1=$2').replaceAll('--', '-')} stn`)).toMatchObject(parsed);
  });

  test('are not given when they are not given', () => {
    const { command, invokedAs, commandRequired, noExpandEnvironment, replicaUrls, ...rest } = run('stn');
    expect({ command, invokedAs, commandRequired, noExpandEnvironment, replicaUrls }).toEqual({
      command: ['stn'],
      invokedAs: 'entrypoint',
      commandRequired: true,
      noExpandEnvironment: false,
      replicaUrls: [],
    });
    expect(Object.values(rest).every((value) => value === undefined)).toBe(true);
  });

  const environment = {
    STATION_DATABASE: '/d',
    STATION_USER: 'station',
    STATION_LISTEN: '127.0.0.1:8081',
    STATION_STOP_TIMEOUT: '20s',
    STATION_SIGNAL_MAP: 'HUP:USR1',
    STATION_RESTART: 'never',
    STATION_READY_COMMAND: 'stn health',
    STATION_STARTUP_TIMEOUT: '30s',
    STATION_SCRUB_ENV: 'yes',
    STATION_DRAIN_REQUIRE: 'all',
    STATION_REQUIRE_REPLICA: 'true',
    STATION_RESTORE_FROM: 's3',
    STATION_RESTORE_TIMEOUT: '5s',
    STATION_RESTORE_QUORUM: 'all',
    STATION_ON_CONFLICT: 'keep-local',
    STATION_INTEGRITY_CHECK: 'none',
    STATION_INTEGRITY_CHECK_MAX_SIZE: '1MiB',
    STATION_LOG_FORMAT: 'pretty',
    STATION_LOG_LEVEL: 'WARN',
  };

  test('come from the environment, over which a flag wins', () => {
    expect(run('stn', environment)).toMatchObject({
      database: '/d',
      user: 'station',
      listen: { host: '127.0.0.1', port: 8081 },
      stopTimeout: 20_000,
      signalMap: new Map([['SIGHUP', 'SIGUSR1']]),
      restart: { kind: 'never' },
      readyCheck: { kind: 'command', command: 'stn health' },
      startupTimeout: 30_000,
      scrubEnvironment: true,
      drainRequire: 'all',
      requireReplica: true,
      restoreFrom: 's3',
      restoreTimeout: 5000,
      restoreQuorum: 'all',
      onConflict: 'keep-local',
      integrityCheck: 'none',
      integrityCheckMaxBytes: 1024 ** 2,
      logFormat: 'pretty',
      logLevel: 'WARN',
    });
    const flags = '--stop-timeout 1s --log-level error --require-replica=false';
    expect(run(`${flags} stn`, environment)).toMatchObject({ stopTimeout: 1000, logLevel: 'ERROR' });
  });

  test('count as not given where the variable is empty', () => {
    const empty = Object.fromEntries(Object.keys(environment).map((name) => [name, '']));
    expect(run('stn', empty)).toEqual(run('stn'));
  });

  test.each([
    ['--nope stn', 'USAGE'],
    ['-nope stn', 'USAGE'],
    ['--stop-timeout 10 stn', 'USAGE'],
    ['--stop-timeout 0s stn', 'USAGE'],
    ['--stop-timeout=-1s stn', 'USAGE'],
    ['--stop-timeout', 'USAGE'],
    ['--drain-require some stn', 'USAGE'],
    ['--config= stn', 'USAGE'],
    ['--listen nowhere stn', 'USAGE'],
    ['--signal-map TREM=INT stn', 'USAGE'],
    ['--restart always stn', 'USAGE'],
    ['--ready-url 8080 stn', 'USAGE'],
    ['--ready-url http://a/ --ready-command true stn', 'USAGE'],
    ['--startup-timeout 5s stn', 'USAGE'],
    ['--require-replica=maybe stn', 'USAGE'],
  ])('wrong: %s', (words, code) => {
    expect(codeOf(() => run(words))).toBe(code);
  });

  test('wrong in the environment is told by the variable’s name', () => {
    expect(() => run('stn', { STATION_STOP_TIMEOUT: '10' })).toThrow(
      expect.objectContaining({ code: 'CONFIG_ENVIRONMENT', message: expect.stringContaining('STATION_STOP_TIMEOUT') }),
    );
    expect(() => run('stn', { STATION_SIGNAL_MAP: 'TREM=INT' })).toThrow(
      expect.objectContaining({
        code: 'CONFIG_ENVIRONMENT',
        message: 'STATION_SIGNAL_MAP: "TREM" is not a signal that is passed on',
        hint: expect.stringContaining('TERM=INT'),
      }),
    );
  });
});

describe('replicate', () => {
  test('takes -exec, read by the shell', () => {
    expect(replicate(['-config', 'c', '-exec', 'stn serve -x']).command).toEqual(['/bin/sh', '-c', 'stn serve -x']);
    expect(replicate(['-exec=stn serve']).command).toEqual(['/bin/sh', '-c', 'stn serve']);
  });

  test('takes a database and replica URLs, with options on either side', () => {
    expect(replicate(['/d', 's3://b/p', 'file:///r', '-log-level', 'debug'])).toMatchObject({
      database: '/d',
      replicaUrls: ['s3://b/p', 'file:///r'],
      logLevel: 'DEBUG',
    });
    expect(codeOf(() => replicate(['/d']))).toBe('USAGE');
    expect(codeOf(() => replicate(['stn', 'serve']))).toBe('USAGE');
  });
});

describe('restore', () => {
  test('takes what Litestream 0.3 takes, single dash included', () => {
    const words = '-v -generation 0123456789abcdef -index 0000000a -timestamp 2026-01-15T14:30:00Z -o x /d';
    expect(restore(...words.split(' '))).toMatchObject({
      generation: '0123456789abcdef',
      index: '0000000a',
      timestamp: '2026-01-15T14:30:00Z',
      logLevel: 'DEBUG',
    });
    expect(restore('-log-level', 'warn', '-v', '/d').logLevel).toBe('WARN');
  });

  test('as the guide writes it', () => {
    const words = '-config /config/litestream.yml -timestamp 2024-01-15T14:30:00Z /data/station.db';
    expect(restore(...words.split(' '))).toMatchObject({
      config: '/config/litestream.yml',
      timestamp: '2024-01-15T14:30:00Z',
      source: '/data/station.db',
      output: undefined,
      ifDbNotExists: false,
    });
  });

  test.each([['-o', 'x'], ['-o=x'], ['--o', 'x'], ['-output', 'x'], ['--output=x']])('-o as %j %j', (...words) => {
    expect(restore(...words, '/d')).toMatchObject({ output: 'x', source: '/d' });
  });

  test('with every switch, options on either side, and switches turned off', () => {
    const words = '-if-db-not-exists -dry-run=true s3://b/p -if-replica-exists -json=false -force -parallelism 8';
    expect(restore(...words.split(' '))).toMatchObject({
      source: 's3://b/p',
      ifDbNotExists: true,
      ifReplicaExists: true,
      dryRun: true,
      json: false,
      force: true,
      parallelism: 8,
    });
  });

  test.each([[[]], [['a', 'b']], [['-parallelism', '0', 'a']], [['-timestamp']]])('wrong: %j', (words) => {
    expect(codeOf(() => restore(...words))).toBe('USAGE');
  });
});

describe('the lease of run', () => {
  test('has a policy, a duration and a timeout', () => {
    expect(run('--lease=off --takeover=refuse --lease-timeout=5s stn')).toMatchObject({
      lease: 'off',
      takeover: 'refuse',
      leaseTimeout: 5_000,
    });
    expect(run('stn', { STATION_LEASE_DURATION: '3s', STATION_TAKEOVER: 'wait' })).toMatchObject({
      leaseDuration: 3_000,
      takeover: 'wait',
    });
  });

  test.each(['2s', '11m'])('cannot last %s', (duration) => {
    expect(codeOf(() => run(`--lease-duration=${duration} stn`))).toBe('USAGE');
  });
});

describe('the verb lease', () => {
  test('takes one database or URL, or none', () => {
    expect(parseLeaseOptions(['--break', 's3://bucket/path'], context())).toMatchObject({
      subject: 's3://bucket/path',
      break: true,
      json: false,
    });
    expect(codeOf(() => parseLeaseOptions(['a', 'b'], context()))).toBe('USAGE');
  });
});
