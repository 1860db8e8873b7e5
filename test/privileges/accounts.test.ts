import { describe, expect, test } from 'vitest';
import { findUser } from '../../src/privileges/accounts.ts';

const accounts = {
  passwd: [
    'root:x:0:0:root:/root:/bin/bash',
    '# a comment',
    '+nis::::::',
    'broken',
    'station:x:1000:2000:Station,,,:/home/station:/usr/sbin/nologin',
    '1234:x:77:78::/home/number:/bin/sh',
    'homeless:x:5:5:::',
    '',
  ].join('\n'),
  group: ['root:x:0:', 'station:x:2000:', 'backup:x:34:other,station', 'tape:x:26:station', 'broken:x'].join('\n'),
};
const find = (specification: string) => findUser(specification, accounts);

describe('--user', () => {
  test('NAME has the account’s own group and those it is a member of', () => {
    expect(find('station')).toEqual({
      uid: 1000,
      gid: 2000,
      groups: [2000, 34, 26],
      name: 'station',
      home: '/home/station',
    });
  });

  test('UID of an account is that account', () => expect(find('1000')).toEqual(find('station')));

  test('UID without an account never gets root’s group', () => {
    expect(find('4711')).toEqual({ uid: 4711, gid: 4711, groups: [4711], name: undefined, home: '/' });
  });

  test.each(['station:backup', 'station:34', '1000:34'])('%s has that group alone', (specification) => {
    expect(find(specification)).toMatchObject({ uid: 1000, gid: 34, groups: [34], name: 'station' });
  });

  test('a name of digits comes before the number', () => expect(find('1234')).toMatchObject({ uid: 77, gid: 78 }));
  test('an account without a home is at home in /', () => expect(find('homeless').home).toBe('/'));
  test('root is a user as well', () => expect(find('root')).toMatchObject({ uid: 0, gid: 0, home: '/root' }));

  test.each(['nobody', 'broken', '+nis', 'station:wheel', ':34', 'station:', '1:2:3', '-1', '1.5', '4294967295'])(
    '%j is no user: 78',
    (specification) => {
      expect(() => find(specification)).toThrow(expect.objectContaining({ code: 'USER_UNKNOWN', exitStatus: 78 }));
    },
  );

  test('numbers work where an image has no accounts at all', () => {
    expect(findUser('1:2', { passwd: '', group: '' })).toMatchObject({ uid: 1, gid: 2 });
  });
});
