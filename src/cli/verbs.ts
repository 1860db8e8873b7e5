import { StationError } from '../errors.ts';
import type { InvokedAs } from './run-options.ts';

/** What each verb does, for the help. */
const verbs = {
  run: 'restore, supervise COMMAND, replicate, drain (the default verb)',
  replicate: "the same with Litestream's arguments: -exec COMMAND, or none to replicate alone",
  init: 'write litestream.yml and deployment examples',
  restore: 'restore a database from a replica',
  status: 'show per database and replica how far replication is',
  sync: 'replicate now and wait until it is durable',
  snapshots: 'list snapshots',
  ltx: 'list LTX files',
  databases: 'list the databases of the config',
  generations: 'list generations',
  verify: 'restore every replica to a temporary file and prove it sound',
  doctor: 'probe the config, the credentials and each replica for real',
  lease: 'show who holds the lease of each replica, or break it',
  retention: 'delete what is older than the config promises, or tell with --dry-run what that is',
  cost: 'what this config costs a month',
  wal: 'list WAL segments of a Litestream 0.3 replica; ltx is what came after',
  version: 'print the version',
  help: 'print this help',
} as const;

type Verb = keyof typeof verbs;

export interface VerbChoice {
  readonly verb: Verb;
  readonly rest: readonly string[];
}

const helpFlags = new Set(['--help', '-help', '-h']);
const versionFlags = new Set(['--version', '-version', '-V']);

/**
 * The verb and what follows it. What is no verb begins the options or the command of `run`; only under the name
 * `litestream`, where there is no default verb, it is an error (USAGE).
 */
export function chooseVerb(invokedAs: InvokedAs, words: readonly string[]): VerbChoice {
  const [first = '', ...rest] = words;
  if (Object.hasOwn(verbs, first)) return { verb: first as Verb, rest };
  if (helpFlags.has(first)) return { verb: 'help', rest };
  if (versionFlags.has(first)) return { verb: 'version', rest };
  if (invokedAs === 'entrypoint') return { verb: 'run', rest: words };
  const message = first === '' ? 'no command' : `unknown command "${first}"`;
  throw new StationError('USAGE', message, { hint: 'run "litestream help" for the commands' });
}

export function helpText(invokedAs: InvokedAs): string {
  const lines = Object.entries(verbs).map(([verb, summary]) => `  ${verb.padEnd(12)} ${summary}`);
  const usage =
    invokedAs === 'entrypoint'
      ? 'entrypoint [run] [options] [--] COMMAND [ARG…]\n       entrypoint VERB [options]'
      : 'litestream VERB [options]';
  return `Usage: ${usage}\n\n${lines.join('\n')}\n\n"${invokedAs} VERB --help" tells the options of a verb.\n`;
}
