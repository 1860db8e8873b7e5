import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const run = promisify(execFile);

/** What an image holds: the bundle, the launcher, and of node_modules what has native code. */
let image: string;
beforeAll(async () => {
  image = mkdtempSync(join(tmpdir(), 'image-'));
  await run(process.execPath, [join(root, 'scripts/build.ts'), join(image, 'dist')]);
  cpSync(join(root, 'entrypoint'), join(image, 'entrypoint'));
  const { dependencies } = JSON.parse(readFileSync(join(root, 'node_modules/.package-lock.json'), 'utf8')).packages[
    'node_modules/lz4-napi'
  ];
  mkdirSync(join(image, 'node_modules/.bin'), { recursive: true });
  symlinkSync(process.execPath, join(image, 'node_modules/.bin/node'));
  for (const name of ['better-sqlite3', 'lz4-napi', '@antoniomuso', ...Object.keys(dependencies ?? {})]) {
    symlinkSync(join(root, 'node_modules', name), join(image, 'node_modules', name));
  }
});
afterAll(() => rmSync(image, { recursive: true, force: true }));

describe('the bundle', () => {
  const call = (...words: readonly string[]) =>
    run(join(image, 'entrypoint'), words, { cwd: image, env: { PATH: process.env['PATH'], HOME: image } });

  test('knows its version', async () => {
    expect((await call('version')).stdout).toMatch(/^station-entrypoint \d+\.\d+\.\d+ /);
  });

  test('supervises', async () => {
    await expect(call('--', 'sh', '-c', 'echo from the child; exit 7')).rejects.toMatchObject({
      code: 7,
      stdout: expect.stringContaining('from the child\n'),
    });
  });

  test('has the cloud SDKs in chunks that the start does not load', () => {
    const [main = ''] = readdirSync(join(image, 'dist')).filter((name) => name === 'main.js');
    expect(readFileSync(join(image, 'dist', main)).length).toBeLessThan(100_000);
    const chunks = readdirSync(join(image, 'dist/chunks')).filter((name) => name.endsWith('.js'));
    for (const sdk of ['ListObjectsV2Command', 'BlockBlobClient', 'GoogleAuth']) {
      const holds = (name: string) => readFileSync(join(image, 'dist', name), 'utf8').includes(sdk);
      expect(holds(main), sdk).toBe(false);
      expect(
        chunks.some((name) => holds(`chunks/${name}`)),
        sdk,
      ).toBe(true);
    }
  });
});
