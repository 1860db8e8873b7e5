import { describe, expect, test } from 'vitest';
import { parseListenAddress } from '../../src/config/listen-address.ts';
import { errorOfText, loadText, withReplica } from './load-text.ts';

describe('an address to listen on', () => {
  test.each([
    [':9090', { host: undefined, port: 9090 }],
    ['9090', { host: undefined, port: 9090 }],
    [' 127.0.0.1:0 ', { host: '127.0.0.1', port: 0 }],
    ['localhost:65535', { host: 'localhost', port: 65_535 }],
    ['[::1]:80', { host: '::1', port: 80 }],
    ['[fe80::1%eth0]:80', { host: 'fe80::1%eth0', port: 80 }],
  ])('%j', (text, address) => expect(parseListenAddress(text)).toEqual(address));

  test.each(['', ':', 'localhost', ':http', '::1:80', 'http://x:80', ':65536', ':-1', ':80/', 'a b:80', '[]:80'])(
    '%j is none',
    (text) => expect(parseListenAddress(text)).toBeUndefined(),
  );
});

describe('addr in the config file', () => {
  const good = withReplica('path: /r');

  test('is where the health endpoints are; that there are no metrics is said', () => {
    const config = loadText(`addr: ":9090"\n${good}`);
    expect(config.listen).toEqual({ host: undefined, port: 9090 });
    expect(config.notes).toMatchObject([{ level: 'WARN', message: expect.stringContaining('no metrics yet') }]);
  });

  test('may be left to a variable that is not set', () => {
    const config = loadText(`addr: $ADDR\n${good}`);
    expect([config.listen, config.notes]).toEqual([undefined, []]);
  });

  test('must be one', () => {
    expect(errorOfText(`addr: here\n${good}`)).toMatchObject({
      code: 'CONFIG_VALUE',
      message: expect.stringContaining('"addr" is no address to listen on'),
    });
  });
});
