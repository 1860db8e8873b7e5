import { describe, expect, it } from 'vitest';
import { errorOfText, loadText } from './load-text.ts';

const database = 'dbs: [{path: /a, replica: {path: /r}}]\n';

describe('the control socket', () => {
  const socketOf = (text: string) => loadText(`${database}${text}`).socket;

  it('is in the staging folder, and for its own user alone, unless the file says otherwise', () => {
    expect(socketOf('')).toEqual({ enabled: true, path: undefined, permissions: 0o600 });
    expect(socketOf('socket: {enabled: false}')).toMatchObject({ enabled: false });
    expect(socketOf('socket: {path: ~/s.sock, permissions: 0660}')).toMatchObject({ permissions: 0o660 });
    expect(socketOf('socket: {path: ~/s.sock}').path).toMatch(/^\/.*\/s\.sock$/);
  });

  it('has a mode that is one', () => {
    for (const mode of ['rw', '0999', '7']) {
      const error = errorOfText(`${database}socket: {permissions: ${mode}}`);
      expect(error).toMatchObject({ code: 'CONFIG_VALUE', message: expect.stringContaining('"permissions"') });
    }
  });
});

describe('verifying by itself', () => {
  const hour = 3_600_000;
  const intervalOf = (top: string, replica = '') =>
    loadText(`${top}\ndbs: [{path: /a, replica: {path: /r${replica}}}]\n`).databases[0]?.replicas[0]
      ?.validationInterval;

  it('is off unless asked for, at the top or in a replica', () => {
    expect(intervalOf('')).toBeUndefined();
    expect(intervalOf('verify-interval: 24h')).toBe(24 * hour);
    expect(intervalOf('verify-interval: 24h', ', verify-interval: 2h')).toBe(2 * hour);
  });

  it("is also what Litestream's own keys ask for", () => {
    expect(intervalOf('validation: {interval: 6h}')).toBe(6 * hour);
    expect(intervalOf('', ', validation-interval: 30s')).toBe(hour);
    expect(intervalOf('', ', validation-interval: 0s')).toBeUndefined();
    expect(intervalOf('verify-interval: 3h', ', validation-interval: 30s')).toBe(3 * hour);
  });

  it('has bounds', () => {
    for (const interval of ['30m', '9000h']) {
      expect(errorOfText(`verify-interval: ${interval}\n${database}`)).toMatchObject({ code: 'CONFIG_VALUE' });
    }
  });
});
