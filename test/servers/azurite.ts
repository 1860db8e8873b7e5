import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Microsoft's own emulator of Azure Blob Storage. */
export interface Azurite {
  readonly port: number;
  /** With the account in its path, as everywhere where the account has no host name of its own. */
  readonly endpoint: string;
  readonly accountName: string;
  readonly accountKey: string;
  stop(): Promise<void>;
}

const program = fileURLToPath(new URL('../../node_modules/azurite/dist/src/blob/main.js', import.meta.url));

/** An account of one's own, in memory, on a port of 127.0.0.1; on a free one without a number. */
export async function startAzurite(arguments_: readonly string[] = [], blobPort = 0): Promise<Azurite> {
  const accountName = 'station';
  const accountKey = Buffer.alloc(64, 'azurite').toString('base64');
  const child = spawn(
    process.execPath,
    [
      program,
      ...[
        '--blobHost',
        '127.0.0.1',
        '--blobPort',
        String(blobPort),
        '--inMemoryPersistence',
        '--skipApiVersionCheck',
        '--silent',
      ],
      // Else it tells its makers that it was started.
      ...['--disableTelemetry', ...arguments_],
    ],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { PATH: process.env['PATH'], AZURITE_ACCOUNTS: `${accountName}:${accountKey}` },
    },
  );
  const ended = once(child, 'close');
  const endWithUs = () => child.kill('SIGKILL');
  process.once('exit', endWithUs);
  const stop = async () => {
    process.off('exit', endWithUs);
    child.kill('SIGKILL');
    await ended;
  };
  for await (const line of createInterface({ input: child.stdout })) {
    const [, scheme, port] = /successfully listens on (https?):\/\/127\.0\.0\.1:(\d+)/.exec(line) ?? [];
    if (port === undefined) continue;
    child.stdout.resume();
    const endpoint = `${scheme}://127.0.0.1:${port}/${accountName}`;
    return { port: Number(port), endpoint, accountName, accountKey, stop };
  }
  await stop();
  throw new Error('azurite did not start; its log is above');
}
