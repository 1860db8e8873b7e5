import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFileStore } from '../../src/storage/file/store.ts';
import { History } from '../restore/replica-builder.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'retention-'));
  // Ten commits three days ago; the last two seconds of them are in the newest files.
  const history = new History({ pageSize: 512, startedAt: Date.now() - 3 * 86_400_000 });
  history.grow(9, 600);
  const store = openFileStore({ type: 'file', path: join(folder, 'replica') });
  await history.putLevel0(store);
  for (const end of [2, 5, 8]) await history.putMerged(store, 9, 1, end);
  history.close();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function retention(...words: readonly string[]) {
  const config = join(folder, 'litestream.yml');
  const replica = { path: join(folder, 'replica'), retention: '24h' };
  writeFileSync(config, JSON.stringify({ dbs: [{ path: join(folder, 'station.db'), replicas: [replica] }] }));
  return spawnSync(process.execPath, [main, 'retention', '-config', config, ...words], {
    encoding: 'utf8',
    cwd: folder,
    env: { PATH: process.env['PATH'] },
    timeout: 60_000,
  });
}
const filesAt = (level: number) =>
  readdirSync(join(folder, 'replica', 'ltx', String(level))).map((name) => Number.parseInt(name.slice(17, 33), 16));

describe('retention', () => {
  it('-dry-run tells what would go and why, and touches nothing', () => {
    const { stdout, status } = retention('-dry-run');
    expect(status).toBe(0);
    expect(stdout).toContain('level 0 goes: 8 files, TXIDs 0000000000000001 to 0000000000000008');
    expect(stdout).toContain('level 9 goes: 2 files');
    expect(stdout).toContain('the oldest promised moment is restored from it');
    expect(stdout).toContain('would be deleted: 10 files');
    expect(filesAt(0)).toHaveLength(10);
    expect(existsSync(join(folder, 'replica', 'lock.json'))).toBe(false);
  });

  it('deletes under the lease, which it gives back, and leaves what a restore needs', () => {
    const { stdout, status } = retention('-json');
    expect(status).toBe(0);
    const [replica] = JSON.parse(stdout);
    expect(replica).toMatchObject({ outcome: 'deleted', undeleted: [], retention_ms: 86_400_000 });
    expect(replica.going).toHaveLength(10);
    expect(replica.staying.map(({ why }: { why: string }) => why)).toEqual(['not-merged', 'not-merged', 'base']);
    expect([filesAt(0), filesAt(9)]).toEqual([[9, 10], [8]]);
    expect(retention('-json').status).toBe(0);
  });

  it('tells of backups of Litestream 0.3 beside the chain, and deletes them once the chain stands in for them', () => {
    const generation = join(folder, 'replica', 'generations', '0123456789abcdef');
    const written = Math.floor(Date.now() / 1000) - 4 * 86_400;
    for (const [at, name] of [
      'snapshots/00000000.snapshot.lz4',
      'wal/00000000_00000000.wal.lz4',
      'wal/notes',
    ].entries()) {
      mkdirSync(dirname(join(generation, name)), { recursive: true });
      writeFileSync(join(generation, name), 'old');
      utimesSync(join(generation, name), written + at, written + at);
    }
    const { stdout } = retention('-dry-run');
    expect(stdout).toContain('generation 0123456789abcdef goes: 2 objects, 6 bytes: the LTX snapshots reach back');
    expect(stdout).toContain('would be deleted: 12 files');
    expect(readdirSync(join(generation, 'wal'))).toHaveLength(2);
    const [planned] = JSON.parse(retention('-dry-run', '-json').stdout);
    const going = ['snapshots/00000000.snapshot.lz4', 'wal/00000000_00000000.wal.lz4'].map((name, at) => ({
      key: `generations/0123456789abcdef/${name}`,
      size: 3,
      timestamp: new Date((written + at) * 1000).toISOString(),
    }));
    const why = 'the LTX snapshots reach back beyond the retention';
    expect(planned.generations).toEqual([{ generation: '0123456789abcdef', going, staying: [], why }]);
    expect(JSON.parse(retention('-json').stdout)).toMatchObject([{ outcome: 'deleted', undeleted: [] }]);
    expect(readdirSync(join(generation, 'wal'))).toEqual(['notes']);
    expect(readdirSync(join(generation, 'snapshots'))).toEqual([]);
    expect(filesAt(9)).toEqual([8]);
  });

  it('leaves a replica alone whose lease an instance holds', () => {
    const expires = new Date(Date.now() + 60_000).toISOString();
    const lease = { generation: 1, owner: 'elsewhere:1', expires_at: expires };
    writeFileSync(join(folder, 'replica', 'lock.json'), JSON.stringify(lease));
    const { stdout, status } = retention();
    expect(status).toBe(76);
    expect(stdout).toContain('elsewhere:1');
    expect(filesAt(0)).toHaveLength(10);
    expect(retention('-dry-run').status).toBe(0);
  });

  it('ends with 64 for a wrong command line, 69 for a replica that cannot be read', () => {
    expect(retention('one', 'two').status).toBe(64);
    rmSync(join(folder, 'replica'), { recursive: true });
    writeFileSync(join(folder, 'replica'), '');
    expect(retention('-dry-run').status).toBe(69);
  });
});
