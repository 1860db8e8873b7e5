import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cost-'));
  writeFileSync(join(folder, 'station.db'), Buffer.alloc(3_000_000));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function cost(config: object, ...words: readonly string[]) {
  const file = join(folder, 'litestream.yml');
  writeFileSync(file, JSON.stringify(config));
  const { stdout, stderr, status } = spawnSync(process.execPath, [main, 'cost', '-config', file, ...words], {
    encoding: 'utf8',
    cwd: folder,
    env: { PATH: process.env['PATH'] },
    timeout: 60_000,
  });
  return { stdout, stderr, status };
}
const withReplicas = (...replicas: readonly object[]) => ({ dbs: [{ path: join(folder, 'station.db'), replicas }] });
const aws = { url: 's3://bucket/path' };

describe('cost', () => {
  it('shows a table per replica, its prices’ date, and the bound', () => {
    const { stdout, status } = cost(withReplicas(aws, { path: '/backup' }));
    expect(status).toBe(0);
    expect(stdout).toContain('prices of 2026-06');
    expect(stdout).toMatch(/idle +259,200 +1\.30 +<0\.01 +<0\.01 +1\.30/);
    expect(stdout).toMatch(/1 commit a minute +306,883 +1\.53/);
    expect(stdout).toMatch(/steady writes +544,383 +2\.72/);
    expect(stdout).toContain('no workload makes more than 8,641 syncs a day: 18,160 requests, $0.09');
    expect(stdout).toContain('file: a folder, which costs nothing');
    expect(stdout).toContain('lease takes one request every 10 s: 259,200 a month');
    expect(stdout).toContain('Merged files, snapshots and looks after deletions are counted');
  });

  it('tells the same as JSON, in numbers', () => {
    const { stdout, status } = cost(withReplicas(aws), '-json', '-lease', 'off');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      currency: 'USD',
      lease_duration_ms: null,
      databases: [
        {
          size: 3_000_000,
          size_from: 'file',
          replicas: [
            {
              name: 's3',
              prices: { date: '2026-06' },
              workloads: [
                { workload: 'idle', puts: 0 },
                { workload: 'commit-a-minute', puts: 47_530, cost: { requests: expect.closeTo(0.238415, 6) } },
                { workload: 'steady-writes', puts: 285_030, cost: { requests: expect.closeTo(1.425915, 6) } },
              ],
              at_most: { syncs_a_day: 8641 },
            },
          ],
        },
      ],
    });
  });

  it('takes the sizes that are given instead of the file’s', () => {
    const given = JSON.parse(cost(withReplicas(aws), '-size', '100GB', '-sync-size', '1MB', '-json').stdout);
    expect(given).toMatchObject({ sync_size: 1_000_000, databases: [{ size: 100e9, size_from: 'option' }] });
    expect(given.databases[0].replicas[0].workloads[0].cost.storage).toBeCloseTo(2.3, 6);
  });

  it('says where there is nothing to count with', () => {
    const absent = cost({ dbs: [{ path: join(folder, 'none.db'), replicas: [aws] }] });
    expect(absent.stdout).toContain('no file found there');
    const without = cost(withReplicas({ type: 's3', bucket: '$NOT_SET' }));
    expect(without).toMatchObject({ status: 0, stdout: expect.stringContaining('no replica is configured') });
    expect(without.stdout).toContain('s3: not configured, NOT_SET is not set');
  });

  it('ends with 64 for a wrong command line, and 78 for a wrong config', () => {
    expect(cost(withReplicas(aws), 'more')).toMatchObject({ status: 64, stdout: '' });
    expect(cost(withReplicas(aws), '-size', 'large')).toMatchObject({ status: 64 });
    expect(cost(withReplicas({ type: 's3' }))).toMatchObject({ status: 78, stdout: '' });
  });
});
