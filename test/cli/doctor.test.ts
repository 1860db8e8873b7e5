/** `doctor` as a person or a script calls it: a real process, its output and its exit status. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { startS3Server } from '../servers/s3-server.ts';
import { runVerb } from './run-verb.ts';

const doctor = (words: readonly string[], environment: Readonly<Record<string, string>> = {}) =>
  runVerb(['doctor', ...words], environment);

async function site() {
  const folder = mkdtempSync(join(tmpdir(), 'doctor-'));
  const server = await startS3Server({ buckets: ['bucket'] });
  onTestFinished(async () => {
    rmSync(folder, { recursive: true, force: true });
    await server.stop();
  });
  const config = join(folder, 'litestream.yml');
  const path = join(folder, 'data', 'station.db');
  const s3 = {
    type: 's3',
    bucket: 'bucket',
    path: 'station',
    endpoint: server.url,
    region: 'us-east-1',
    'access-key-id': server.accessKeyId,
    'secret-access-key': server.secretAccessKey,
  };
  const replicas = [{ type: 'file', path: join(folder, 'replica') }, s3];
  writeFileSync(config, stringify({ dbs: [{ path, replicas }] }));
  return { folder, server, config, path };
}

it('probes every replica of the config, and ends with 0', async () => {
  const { config, path, server } = await site();
  const { output, errors, status } = await doctor(['-config', config]);
  expect(errors).toBe('');
  expect(status).toBe(0);
  expect(output).toMatch(new RegExp(`^${path}\\n  database +OK`, 'm'));
  expect(output).toMatch(/^replica file: file:.*replica$/m);
  expect(output).toMatch(/^replica s3: s3:\/\/bucket\/station \(S3-compatible store\)$/m);
  expect(output).not.toContain('FAILED');
  expect(output).not.toContain(server.secretAccessKey);
});

it('ends with 69 where a step fails, as JSON on request', async () => {
  const { config, server } = await site();
  server.faults.add({ when: { operation: 'PutObject' }, do: { kind: 'ignore-conditions' } });
  const { output, status } = await doctor(['-json', '--config', config]);
  expect(status).toBe(69);
  const report = JSON.parse(output) as { ok: boolean; databases: { replicas: { steps: object[] }[] }[] };
  expect(report.ok).toBe(false);
  expect(report.databases[0]?.replicas[1]?.steps).toContainEqual(
    expect.objectContaining({
      step: 'create-only',
      status: 'failed',
      code: 'STORAGE_BROKEN',
      detail: expect.stringContaining('unable to fence'),
    }),
  );
});

it('takes one replica by its URL, without a config', async () => {
  const { folder } = await site();
  const { output, status } = await doctor([`file://${folder}/elsewhere`]);
  expect(status).toBe(0);
  expect(output).toMatch(/^replica file: file:/);
});

it.each([
  ['two subjects', ['a', 'b'], 64],
  ['an option that is none', ['--jsn'], 64],
  ['a config that is not there', ['--config', '/nowhere/litestream.yml'], 78],
  ['no replica at all', [], 78],
])('%s: %j ends with %d', async (_, words, expected) => {
  const { status, errors, output } = await doctor(words, { STATION_DATABASE: '/nowhere/station.db' });
  expect(output).toBe('');
  expect(errors).toMatch(/^error: .*\nhint: /);
  expect(status).toBe(expected);
});

it('a database that the config lacks ends with 64', async () => {
  const { config, path } = await site();
  const { status, errors } = await doctor(['--config', config, '/other.db']);
  expect(status).toBe(64);
  expect(errors).toContain(path);
});
