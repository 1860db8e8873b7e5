import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { createLog, type LogOptions } from '../../src/observe/create-log.ts';
import type { Log } from '../../src/observe/log.ts';

function linesOf(options: Partial<LogOptions>, write: (log: Log) => void): readonly string[] {
  const lines: string[] = [];
  const stream = { write: (line: string) => void lines.push(line) };
  write(createLog({ format: 'logfmt', level: 'INFO', colours: false, stream, ...options }));
  return lines;
}

describe('a line', () => {
  const write = (log: Log) => log.info('write wal segment', { db: '/data/station.db', replica: 's3', none: undefined });

  test('in logfmt is what the guide shows, and is found by its grep', () => {
    expect(linesOf({}, write)).toEqual([
      expect.stringMatching(
        /^time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=INFO msg="write wal segment" db=\/data\/station\.db replica=s3 logger=litestream\n$/,
      ),
    ]);
  });

  test('in JSON', () => {
    const [line = ''] = linesOf({ format: 'json' }, write);
    const fields = {
      level: 'INFO',
      msg: 'write wal segment',
      db: '/data/station.db',
      replica: 's3',
      logger: 'litestream',
    };
    expect(JSON.parse(line)).toEqual({ ...fields, time: expect.stringMatching(/^\d{4}-.*Z$/) });
  });

  test('for a person', () => {
    expect(linesOf({ format: 'pretty' }, write)).toEqual([
      expect.stringMatching(/^\d\d:\d\d:\d\d\.\d{3} INFO {2}write wal segment {2}db=\/data\/station\.db replica=s3\n$/),
    ]);
  });

  test('below the level is not written', () => {
    const all = (log: Log) => {
      log.debug('d');
      log.info('i');
      log.warn('w');
      log.error('e');
    };
    const levels = linesOf({ level: 'WARN' }, all).map((line) => /level=(\w+)/.exec(line)?.[1]);
    expect(levels).toEqual(['WARN', 'ERROR']);
  });

  test('carries the fields of the log it was written with; the nearer ones win', () => {
    const [line] = linesOf({ fields: { host: 'a' } }, (log) =>
      log.with({ db: 'x', n: 1 }).with({ n: 2 }).info('m', { k: 'v' }),
    );
    expect(line).toContain('msg=m host=a db=x n=2 k=v logger=litestream');
  });
});

describe('a secret', () => {
  const secret = 'wJalr/XUtn=FEMI "K7"';

  test.each(['logfmt', 'json', 'pretty'] as const)('never reaches a line in %s, in whatever form', (format) => {
    const lines = linesOf({ format, secrets: new Set([secret, 'abc']) }, (log) => {
      log.error(`failed with ${secret}`, { url: `https://x/?key=${encodeURIComponent(secret)}`, other: secret });
      log.with({ fixed: secret }).info('abc is too short to be a secret');
    });
    expect(lines.join('')).not.toContain('wJalr');
    expect(lines.join('')).not.toContain('FEMI');
    expect(lines[0]?.split('[redacted]')).toHaveLength(4);
    expect(lines[1]).toContain('abc is too short');
  });

  test('counts when it becomes known later', () => {
    const secrets = new Set<string>();
    const lines = linesOf({ secrets }, (log) => {
      secrets.add('hunter22');
      log.info('hunter22');
    });
    expect(lines[0]).toContain('msg=[redacted]');
  });
});

describe('stderr', () => {
  const program = (body: string) => [
    '--input-type=module-typescript',
    '--eval',
    `import { createLog } from ${JSON.stringify(import.meta.resolve('../../src/observe/create-log.ts'))};
     const log = createLog({ format: 'logfmt', level: 'INFO' });
     ${body}`,
  ];

  test('has every line when the process exits at once, and stdout has none', async () => {
    const run = spawn(
      process.execPath,
      program('for (let i = 0; i < 5000; i++) log.info("line " + i); process.exit(3);'),
    );
    const [stdout, stderr, [code]] = await Promise.all([text(run.stdout), text(run.stderr), once(run, 'exit')]);
    expect(code).toBe(3);
    expect(stdout).toBe('');
    expect(stderr.split('\n').filter((line) => line.includes('msg="line '))).toHaveLength(5000);
  });

  test('that nobody reads any more ends nothing', async () => {
    const run = spawn(
      process.execPath,
      program(
        'process.stdin.once("data", () => { log.error("a"); log.error("b"); setTimeout(() => process.exit(4), 50); });',
      ),
      { stdio: ['pipe', 'ignore', 'pipe'] },
    );
    run.stderr.destroy();
    await once(run.stderr, 'close');
    run.stdin.write('go');
    expect(await once(run, 'exit')).toEqual([4, null]);
  });
});
