import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { replaceFile } from '../durable-file.ts';
import { type Milliseconds, milliseconds } from '../quantities.ts';

/** When each replica was last verified to the end, by its name, whatever the verdict. */
export type VerificationRecord = ReadonlyMap<string, Milliseconds>;

const schema = z.object({ version: z.literal(1), verified: z.record(z.string(), z.number().nonnegative()) });

/** What an earlier process noted; nothing where it noted nothing that can be read: then it is verified sooner. */
export async function loadVerificationRecord(path: string): Promise<VerificationRecord> {
  try {
    const { verified } = schema.parse(JSON.parse(await readFile(path, 'utf8')));
    return new Map(Object.entries(verified).map(([replica, time]) => [replica, milliseconds(time)]));
  } catch {
    return new Map();
  }
}

export async function saveVerificationRecord(path: string, record: VerificationRecord): Promise<void> {
  await replaceFile(path, `${JSON.stringify({ version: 1, verified: Object.fromEntries(record) })}\n`);
}
