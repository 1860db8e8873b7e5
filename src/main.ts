import { readFileSync } from 'node:fs';
import type { ArgumentContext } from './cli/common-arguments.ts';
import { asksForJson, reportError } from './cli/report-error.ts';
import type { InvokedAs } from './cli/run-options.ts';
import { chooseVerb, helpText, type VerbChoice } from './cli/verbs.ts';
import { watchOutput } from './cli/written-output.ts';

/**
 * Runs the verb that the words name and ends the process with its exit status.
 * @param name what the launcher was called
 * @param openFiles the soft limit of open files before Node raised it
 */
export async function main(name: string, words: readonly string[], openFiles?: number): Promise<never> {
  const invokedAs: InvokedAs = name === 'litestream' ? 'litestream' : 'entrypoint';
  const outputFailure = watchOutput();
  const exitStatus = await exitStatusOf(invokedAs, words, openFiles);
  const failure = await outputFailure();
  if (failure !== undefined) process.stderr.write(reportError(failure, invokedAs).text);
  // Open sockets of a cloud SDK must not keep a finished program alive.
  process.exit(exitStatus === 0 && failure !== undefined ? failure.exitStatus : exitStatus);
}

async function exitStatusOf(
  invokedAs: InvokedAs,
  words: readonly string[],
  openFiles: number | undefined,
): Promise<number> {
  let choice: VerbChoice | undefined;
  try {
    choice = chooseVerb(invokedAs, words);
    return await runVerb(invokedAs, choice, openFiles);
  } catch (error) {
    if (error instanceof Error && error.name === 'HelpRequested') {
      process.stdout.write(error.message);
      return 0;
    }
    // The launcher knows what to say of a package that is not installed.
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') throw error;
    const { text, json, exitStatus } = reportError(error, choice ? `${invokedAs} ${choice.verb}` : invokedAs);
    process.stderr.write(text);
    if (choice !== undefined && !isSupervising(choice.verb) && asksForJson(choice.rest)) process.stdout.write(json);
    return exitStatus;
  }
}

/** What follows these is a command line of somebody else's. */
function isSupervising(verb: VerbChoice['verb']): boolean {
  return verb === 'run' || verb === 'replicate';
}

async function runVerb(
  invokedAs: InvokedAs,
  { verb, rest }: VerbChoice,
  openFiles: number | undefined,
): Promise<number> {
  switch (verb) {
    case 'run':
    case 'replicate': {
      const { parseReplicate, parseRun } = await import('./cli/run-arguments.ts');
      const options = (verb === 'run' ? parseRun : parseReplicate)(rest, await argumentContext(invokedAs));
      return (await import('./cli/run.ts')).runCommand({ ...options, openFiles });
    }
    case 'restore': {
      const { parseRestore } = await import('./cli/arguments.ts');
      const options = parseRestore(rest, await argumentContext(invokedAs));
      return (await import('./cli/restore.ts')).restoreCommand(options);
    }
    case 'cost': {
      const { parseCost } = await import('./cli/arguments.ts');
      const options = parseCost(rest, await argumentContext(invokedAs));
      return (await import('./cli/cost.ts')).costCommand(options);
    }
    case 'lease': {
      const { parseLeaseOptions } = await import('./cli/arguments.ts');
      const options = parseLeaseOptions(rest, await argumentContext(invokedAs));
      return (await import('./cli/lease.ts')).leaseCommand(options);
    }
    case 'retention': {
      const { parseRetention } = await import('./cli/arguments.ts');
      const options = parseRetention(rest, await argumentContext(invokedAs));
      return (await import('./cli/retention.ts')).retentionCommand(options);
    }
    case 'doctor': {
      const { parseDoctor } = await import('./cli/arguments.ts');
      const options = parseDoctor(rest, await argumentContext(invokedAs));
      return (await import('./cli/doctor.ts')).doctorCommand(options);
    }
    case 'databases': {
      const { parseDatabases } = await import('./cli/inspect-options.ts');
      const options = parseDatabases(rest, await argumentContext(invokedAs));
      return (await import('./cli/databases.ts')).databasesCommand(options);
    }
    case 'ltx': {
      const { parseLtx } = await import('./cli/inspect-options.ts');
      const options = parseLtx(rest, await argumentContext(invokedAs));
      return (await import('./cli/ltx.ts')).ltxCommand(options);
    }
    case 'snapshots': {
      const { parseList } = await import('./cli/inspect-options.ts');
      const options = parseList(verb, rest, await argumentContext(invokedAs));
      return (await import('./cli/snapshots.ts')).snapshotsCommand(options);
    }
    case 'generations': {
      const { parseList } = await import('./cli/inspect-options.ts');
      const options = parseList(verb, rest, await argumentContext(invokedAs));
      return (await import('./cli/generations.ts')).generationsCommand(options);
    }
    case 'wal': {
      const { parseWal } = await import('./cli/inspect-options.ts');
      const options = parseWal(rest, await argumentContext(invokedAs));
      return (await import('./cli/wal.ts')).walCommand(options);
    }
    case 'sync': {
      const { parseSync } = await import('./cli/inspect-options.ts');
      const options = parseSync(rest, await argumentContext(invokedAs));
      return (await import('./cli/sync.ts')).syncCommand(options);
    }
    case 'verify': {
      const { parseVerify } = await import('./cli/inspect-options.ts');
      const options = parseVerify(rest, await argumentContext(invokedAs));
      return (await import('./cli/verify.ts')).verifyCommand(options);
    }
    case 'status': {
      const { parseStatus } = await import('./cli/inspect-options.ts');
      const options = parseStatus(rest, await argumentContext(invokedAs));
      return (await import('./cli/status.ts')).statusCommand(options);
    }
    case 'version': {
      process.stdout.write((await import('./cli/version.ts')).versionText());
      return 0;
    }
    case 'help': {
      process.stdout.write(helpText(invokedAs));
      return 0;
    }
    default: {
      process.stderr.write(`${invokedAs} ${verb}: not yet\n`);
      return 64;
    }
  }
}

async function argumentContext(invokedAs: InvokedAs): Promise<ArgumentContext> {
  const { environmentLookup } = await import('./config/environment.ts');
  const readFile = (path: string) => {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
  };
  const lookup = environmentLookup({ environment: process.env, workingDirectory: process.cwd(), readFile });
  return { invokedAs, lookup };
}

if (import.meta.main) await main('entrypoint', process.argv.slice(2));
