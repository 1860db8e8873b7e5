import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { generateIdentity } from 'age-encryption';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encryptStore } from '../../src/storage/age/encrypted-store.ts';
import { openFileStore } from '../../src/storage/file/store.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { History } from '../restore/replica-builder.ts';
import { startAzurite } from '../servers/azurite.ts';
import { startGcsServer } from '../servers/gcs-server.ts';
import { startS3Server } from '../servers/s3-server.ts';
import { azureOptions, azureService } from '../storage/azure/backend.ts';
import { gcsOptions } from '../storage/gcs/backend.ts';
import { s3Options } from '../storage/s3/backend.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const onTerminal = fileURLToPath(new URL('../supervisor/terminal.py', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'restore-cli-'));
const replicaFolder = join(folder, 'replica');
const replica = `file://${replicaFolder}`;
const history = new History({ startedAt: Date.UTC(2026, 0, 15, 14, 30) });
let place: string;

beforeAll(async () => {
  history.grow(9, 20_000);
  await history.putLevel0(openFileStore({ type: 'file', path: replicaFolder }));
});
afterAll(() => {
  history.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  place = mkdtempSync(join(folder, 'place-'));
});

type Variables = Readonly<Record<string, string>>;
const started = (variables: Variables) => ({
  encoding: 'utf8' as const,
  cwd: place,
  env: { PATH: process.env['PATH'], ...variables },
  timeout: 60_000,
});

function restore(words: readonly string[], variables: Variables = {}) {
  return spawnSync(process.execPath, [main, 'restore', ...words], started(variables));
}

/** Without holding up the servers of this process. */
async function restored(url: string, variables: Variables): Promise<Buffer> {
  const output = join(place, 'copy.db');
  await promisify(execFile)(process.execPath, [main, 'restore', '-o', output, url], started(variables));
  return readFileSync(output);
}

describe('restore -force', () => {
  it('keeps the old database aside with its WAL and names each, and moving them back undoes it', () => {
    const path = join(place, 'station.db');
    const writer = new Database(path);
    writer.pragma('journal_mode = WAL');
    writer.exec("CREATE TABLE old (text); INSERT INTO old VALUES ('in the file')");
    writer.pragma('wal_checkpoint(TRUNCATE)');
    writer.exec("INSERT INTO old VALUES ('in the WAL alone')");
    // As a program leaves it that was killed: nobody closes it, and the WAL stays.
    const copies = Object.fromEntries(['', '-wal', '-shm'].map((suffix) => [suffix, readFileSync(path + suffix)]));
    writer.close();
    for (const [suffix, content] of Object.entries(copies)) writeFileSync(path + suffix, content);

    const refused = restore(['-o', path, replica]);
    expect([refused.status, refused.stdout]).toEqual([69, '']);
    expect(refused.stderr).toContain('exists already');

    const { status, stdout } = restore(['-force', '-json', '-o', path, replica]);
    expect(status).toBe(0);
    const { kept_aside: aside } = JSON.parse(stdout) as { kept_aside: string[] };
    expect(readFileSync(path).equals(history.state(history.newest))).toBe(true);
    expect(aside.map((one) => one.replace(/set-aside-[\dTZ-]+Z/, 'set-aside-TIME'))).toEqual(
      ['', '-wal', '-shm'].map((suffix) => `${path}.set-aside-TIME${suffix}`),
    );
    expect(readdirSync(place).sort()).toEqual(
      ['station.db', ...aside.map((one) => one.slice(place.length + 1))].sort(),
    );

    // As docs/commands.md has it.
    const [kept = ''] = aside;
    for (const suffix of ['', '-wal', '-shm']) {
      rmSync(path + suffix, { force: true });
      renameSync(kept + suffix, path + suffix);
    }
    const back = new Database(path);
    expect(back.prepare('SELECT text FROM old ORDER BY rowid').pluck().all()).toEqual([
      'in the file',
      'in the WAL alone',
    ]);
    back.close();
  });

  it('that fails leaves the old database where it is', () => {
    const path = join(place, 'station.db');
    writeFileSync(path, history.state(2));
    const { status, stderr } = restore(['-force', '-timestamp', '2025-01-01T00:00:00Z', '-o', path, replica]);
    expect(status).toBe(69);
    expect(stderr).toContain('it holds 2026-01-15T14:30:01.000Z (TXID 0000000000000001) to 2026-01-15T14:30:10.000Z');
    expect(readdirSync(place)).toEqual(['station.db']);
    expect(readFileSync(path).equals(history.state(2))).toBe(true);
  });
});

describe('restore -timestamp', () => {
  it.each([
    ['2026-01-15T14:30:04Z', 4],
    ['2026-01-15T15:30:04.999+01:00', 4],
    ['2027-01-01T00:00:00Z', 10],
  ])('%s is TXID %i', (moment, expected) => {
    const { status, stdout } = restore(['-timestamp', moment, '-json', '-o', join(place, 'copy.db'), replica]);
    expect(status).toBe(0);
    expect(Number.parseInt(JSON.parse(stdout).txid, 16)).toBe(expected);
    expect(readFileSync(join(place, 'copy.db')).equals(history.state(expected))).toBe(true);
  });

  it('that is no moment is refused', () => {
    const { status, stderr } = restore(['-timestamp', 'yesterday', '-o', join(place, 'copy.db'), replica]);
    expect(status).toBe(64);
    expect(stderr).toContain('RFC 3339');
  });
});

it.each(['none', 'quick', 'full'])('restore -integrity-check %s tells whether it was checked', (kind) => {
  const { stdout } = restore(['-integrity-check', kind, '-json', '-o', join(place, 'copy.db'), replica]);
  expect(JSON.parse(stdout).integrity).toBe(kind === 'none' ? 'skipped' : 'ok');
});

it('restore -dry-run tells what would be fetched, and writes nothing', () => {
  const { status, stdout } = restore(['-dry-run', '-o', join(place, 'copy.db'), replica]);
  expect(status).toBe(0);
  expect(stdout).toContain('would fetch 10 files');
  expect(readdirSync(place)).toEqual([]);
});

describe('restore -json', () => {
  const json = (words: readonly string[]) => {
    const { status, stdout } = restore(['-json', ...words]);
    return { status, told: JSON.parse(stdout) };
  };

  it('has the keys of Litestream 0.5, then ours', () => {
    const { told } = json(['-o', join(place, 'copy.db'), replica]);
    expect(Object.keys(told).slice(0, 5)).toEqual(['db_path', 'replica', 'txid', 'duration_ms', 'integrity_check']);
    expect(told).toMatchObject({ db_path: join(place, 'copy.db'), txid: '000000000000000a', integrity_check: 'quick' });
  });

  it('-dry-run too', () => {
    const { status, told } = json(['-dry-run', '-txid', '3', '-o', join(place, 'copy.db'), replica]);
    expect(status).toBe(0);
    const keys = ['source', 'target_path', 'replica', 'min_txid', 'max_txid', 'files'];
    expect(Object.keys(told).slice(0, keys.length)).toEqual(keys);
    expect(told).toMatchObject({ source: replica, min_txid: '0000000000000001', max_txid: '0000000000000003' });
    expect(Object.keys(told.files[2])).toEqual(['level', 'name', 'min_txid', 'max_txid', 'size', 'timestamp', 'key']);
    expect(told.files[2]).toMatchObject({ level: 0, name: '0000000000000003-0000000000000003.ltx' });
  });

  it('is one JSON value also where there is nothing to do', () => {
    const output = join(place, 'copy.db');
    const nowhere = `file://${join(place, 'nowhere')}`;
    const nothing = json(['-if-replica-exists', '-o', output, nowhere]);
    expect(nothing).toEqual({ status: 0, told: { db_path: output, skipped: 'no-backup' } });
    writeFileSync(output, history.state(2));
    expect(json(['-if-db-not-exists', '-o', output, replica])).toEqual({
      status: 0,
      told: { db_path: output, skipped: 'exists' },
    });
  });

  it.each([
    [['-txid', '99'], 69, 'RESTORE_NOT_AVAILABLE'],
    [['-dry-run', '-txid', '99'], 69, 'RESTORE_NOT_AVAILABLE'],
    [['-replica', 'nope'], 64, 'USAGE'],
    [['-bogus'], 64, 'USAGE'],
    [['-timestamp', '2026-01-15'], 64, 'USAGE'],
  ])('and where it fails (%j)', (words, expected, code) => {
    const { status, told } = json([...words, '-o', join(place, 'copy.db'), replica]);
    expect(status).toBe(expected);
    expect(told).toEqual({ error: { code, message: expect.any(String), hint: expect.any(String) } });
  });
});

describe('restore -txid', () => {
  it.each(['a', '0XA', '000000000000000A'])('%s is TXID 10', (text) => {
    const { stdout } = restore(['-json', '-txid', text, '-o', join(place, 'copy.db'), replica]);
    expect(JSON.parse(stdout).txid).toBe('000000000000000a');
  });

  it.each(['0', 'z', '-1', 'ffffffffffffffff'])('%s is refused', (text) => {
    const { status, stderr } = restore(['-txid', text, '-o', join(place, 'copy.db'), replica]);
    expect(status).toBe(64);
    expect(stderr).toContain('hint: "ltx" lists the TXIDs');
  });
});

it('restore from a store that refuses says what to do about that', async () => {
  const server = await startS3Server({ buckets: ['bucket'] });
  const url = `s3://bucket/db?endpoint=${server.url}&region=us-east-1&force-path-style=true`;
  const variables = { AWS_ACCESS_KEY_ID: server.accessKeyId, AWS_SECRET_ACCESS_KEY: 'wrong' };
  const failed = await restored(url, variables).catch((error: { readonly stderr: string }) => error.stderr);
  await server.stop();
  expect(failed).toContain('SignatureDoesNotMatch');
  expect(failed).toContain('hint: the secret access key is wrong');
});

it('restore that fails names the help of the verb as it was called', () => {
  expect(restore(['-bogus', replica]).stderr).toContain('hint: run "entrypoint restore --help" for the options');
});

describe('restore by URL, without a config file,', () => {
  it('works for a folder that is encrypted, with the identity in STATION_AGE_IDENTITY_FILE', async () => {
    const identity = await generateIdentity();
    const secret = join(folder, 'secret');
    const store = openFileStore({ type: 'file', path: secret });
    await history.putLevel0(await encryptStore(store, { recipients: [], identities: [identity], where: 'here' }));
    const output = join(place, 'copy.db');
    const without = restore(['-o', output, `file://${secret}`]);
    expect([without.status, existsSync(output)]).toEqual([69, false]);
    writeFileSync(join(place, 'key.txt'), `# created by age-keygen\n${identity}\n`);
    const { status, stdout, stderr } = restore(['-o', output, `file://${secret}`], {
      STATION_AGE_IDENTITY_FILE: join(place, 'key.txt'),
    });
    expect(status, stderr).toBe(0);
    expect(stdout + stderr).not.toContain(identity);
    expect(readFileSync(output).equals(history.state(history.newest))).toBe(true);
  });

  it('works for S3', async () => {
    await using server = disposable(await startS3Server({ buckets: ['bucket'] }));
    await put(s3Options(server, { path: 'db', region: 'us-east-1', forcePathStyle: true }));
    const url = `s3://bucket/db?endpoint=${server.url}&region=us-east-1&force-path-style=true`;
    const variables = { AWS_ACCESS_KEY_ID: server.accessKeyId, AWS_SECRET_ACCESS_KEY: server.secretAccessKey };
    expect((await restored(url, variables)).equals(history.state(history.newest))).toBe(true);
  });

  it('works for Google Cloud Storage', async () => {
    await using server = disposable(await startGcsServer({ buckets: ['bucket'] }));
    await put(gcsOptions(server, { path: 'db' }));
    const key = join(place, 'key.json');
    writeFileSync(key, server.serviceAccountKey);
    const url = `gs://bucket/db?endpoint=${server.url}`;
    const variables = { GOOGLE_APPLICATION_CREDENTIALS: key, STORAGE_EMULATOR_HOST: server.url };
    expect((await restored(url, variables)).equals(history.state(history.newest))).toBe(true);
  });

  it('works for Azure', async () => {
    await using server = disposable(await startAzurite());
    await azureService(server).createContainer('bucket');
    await put(azureOptions(server, { container: 'bucket', path: 'db' }));
    const url = `abs://${server.accountName}@bucket/db?endpoint=http://127.0.0.1:${server.port}/${server.accountName}`;
    const variables = { LITESTREAM_AZURE_ACCOUNT_KEY: server.accountKey };
    expect((await restored(url, variables)).equals(history.state(history.newest))).toBe(true);
  });

  async function put(options: Parameters<typeof openStore>[0]): Promise<void> {
    const store = await openStore(options);
    await history.putLevel0(store);
    await store.close();
  }
  const disposable = <Server extends { stop(): Promise<void> }>(server: Server) =>
    Object.assign(server, { [Symbol.asyncDispose]: () => server.stop() });
});

it('on a terminal a bar is drawn, and wiped; without one nothing is', async () => {
  const words = [process.execPath, main, 'restore', '-o', join(place, 'copy.db'), replica];
  const { stdout } = await promisify(execFile)('python3', [onTerminal, '', ...words], started({ TERM: 'xterm' }));
  const { status, output } = JSON.parse(stdout) as { status: number; output: string };
  expect(status).toBe(0);
  const wiped = output.replaceAll('\r\u001b[K', '<wiped>');
  expect(wiped).toMatch(/<wiped>\[#+\] 100% {2}[\d.]+ KiB of [\d.]+ KiB<wiped>restored /);
  const { stderr } = restore(['-o', join(place, 'other.db'), replica]);
  expect(stderr).not.toContain('\u001b');
});
