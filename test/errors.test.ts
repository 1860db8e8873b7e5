import { describe, expect, it } from 'vitest';
import { errorTable, isStationError, StationError, toStationError } from '../src/errors.ts';

describe('errors', () => {
  it('are all listed in docs/errors.md, with their exit status and what to do', async () => {
    const rows = Object.entries(errorTable).map(
      ([code, { exitStatus, hint }]) => `| \`${code}\` | ${exitStatus} | ${hint} |`,
    );
    const page = [
      '# Errors',
      '',
      'Every error names what is wrong and where, and then what to do (`hint`). This is the list of their codes, with the exit',
      'status each leads to where it ends the program, and the general hint; many errors carry a better one of their own.',
      'What the exit status means as a whole is in [exit-status.md](exit-status.md).',
      '',
      '| code | exit | what to do |',
      '|---|---|---|',
      ...rows,
      '',
    ].join('\n');
    await expect(page).toMatchFileSnapshot('../docs/errors.md');
  });

  it('have exit statuses of the contract only', () => {
    const statuses = new Set(Object.values(errorTable).map((entry) => entry.exitStatus));
    expect([...statuses].sort((a, b) => a - b)).toEqual([64, 69, 70, 74, 75, 76, 78, 124, 126, 127, 130]);
  });

  it('that are not ours count as a bug here, and keep their cause', () => {
    const cause = new TypeError('x is not a function');
    const error = toStationError(cause);
    expect(error.code).toBe('INTERNAL');
    expect(error.exitStatus).toBe(70);
    expect(error.cause).toBe(cause);
  });

  it('are told apart by code', () => {
    const error = new StationError('FENCED', 'another writer');
    expect(isStationError(error)).toBe(true);
    expect(isStationError(error, 'FENCED', 'USAGE')).toBe(true);
    expect(isStationError(error, 'USAGE')).toBe(false);
    expect(isStationError(new Error('other'))).toBe(false);
  });
});
