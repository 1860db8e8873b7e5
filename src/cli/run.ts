import { createLog } from '../observe/create-log.ts';
import { planStopBudget } from '../supervisor/budget.ts';
import { createEphemeralReplication } from '../supervisor/ephemeral-replication.ts';
import { detectPlatform } from '../supervisor/platform.ts';
import { supervise } from '../supervisor/supervise.ts';
import { chooseCommand, type RunOptions } from './run-options.ts';

/** Supervises the command, for now without replication. Resolves to the exit status. */
export async function runCommand(options: RunOptions): Promise<number> {
  const log = createLog({ format: options.logFormat ?? 'logfmt', level: options.logLevel ?? 'INFO' });
  return supervise({
    command: chooseCommand(options, undefined),
    environment: process.env,
    budget: planStopBudget(detectPlatform(process.env), options.stopTimeout),
    replication: createEphemeralReplication(log, ['LITESTREAM_S3_BUCKET']),
    log,
  });
}
