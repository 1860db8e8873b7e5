import { toStationError } from '../../src/errors.ts';
import { bytes } from '../../src/quantities.ts';
import { restoreDatabase } from '../../src/restore/restore.ts';
import { openFileStore } from '../../src/storage/file/store.ts';

/** A process of its own that restores a folder replica and prints the outcome: `REPLICA OUTPUT CHECKSUMS [MODE]`. */
const [replica = '', output = '', checksumFile = '', mode = 'quick'] = process.argv.slice(2);

// A file size limit, which stands for a full disk here, signals before it answers EFBIG.
process.on('SIGXFSZ', () => undefined);

try {
  const baseline = process.memoryUsage.rss();
  let highest = baseline;
  const watch = setInterval(() => {
    highest = Math.max(highest, process.memoryUsage.rss());
  }, 20);
  const outcome = await restoreDatabase({
    replicas: [{ name: 'disk', store: openFileStore({ type: 'file', path: replica }) }],
    target: { kind: 'newest' },
    policy: { quorum: 'any', from: undefined },
    output,
    checksumFile: checksumFile === '' ? undefined : checksumFile,
    integrity: { mode: mode === 'none' ? 'none' : 'quick', maxBytes: bytes(2 ** 40) },
    events: { step: () => {}, warn: () => {}, progress: () => {} },
    signal: new AbortController().signal,
  });
  clearInterval(watch);
  const memory = { baseline, highest };
  const replacer = (_: string, value: unknown) => (typeof value === 'bigint' ? value.toString(16) : value);
  console.log(JSON.stringify({ ...outcome, memory }, replacer));
} catch (error) {
  const { code, message, exitStatus } = toStationError(error);
  console.log(JSON.stringify({ code, message, exitStatus }));
  process.exit(exitStatus);
}
