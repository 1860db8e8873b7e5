import { describe, expect, it } from 'vitest';
import { errorOfText, loadText, withReplica } from './load-text.ts';

const file = '/config/litestream.yml';
const good = withReplica('path: /r');

describe('a file that is not what it should be', () => {
  it.each([
    ['empty', '', '1:1', 'CONFIG_SYNTAX', 'the file is empty'],
    ['blank', '\n \n', '1:1', 'CONFIG_SYNTAX', 'the file is empty'],
    ['null', 'null\n', '1:1', 'CONFIG_SYNTAX', 'the file is empty'],
    ['a list', '- path: /a.db\n', '1:1', 'CONFIG_SYNTAX', 'the file must be a map of keys'],
    ['one word', 'hello\n', '1:1', 'CONFIG_SYNTAX', 'the file must be a map of keys'],
    ['indented by a tab', 'dbs:\n\t- path: /a.db\n', '2:1', 'CONFIG_SYNTAX', 'a tab indents this line'],
    ['with a key twice', `${good}dbs: []\n`, '5:1', 'CONFIG_SYNTAX', 'this key is here twice'],
    ['badly indented', 'dbs:\n  - path: /a.db\n   replicas: []\n', '3:1', 'CONFIG_SYNTAX', 'something is missing here'],
    ['with an open quote', 'exec: "stn\n', '2:1', 'CONFIG_SYNTAX', 'something is missing here'],
    ['with an open bracket', 'dbs: [\n', '2:1', 'CONFIG_SYNTAX', 'a bracket above is not closed'],
    ['with two documents', `${good}---\n${good}`, '5:1', 'CONFIG_SYNTAX', 'a second document starts here'],
    ['with an unknown alias', 'dbs: *nothing\n', '1:6', 'CONFIG_SYNTAX', 'this alias has no anchor'],
    ['with a value no scalar can start with', 'exec: @stn\n', '1:7', 'CONFIG_SYNTAX', 'a value cannot start with this'],
    ['with a tag', 'exec: !secret stn\n', '1:7', 'CONFIG_SYNTAX', 'a "!tag"'],
    ['with a map as a key', '{a: b}: c\n', '1:1', 'CONFIG_SYNTAX', 'a key must be a plain word'],
    ['with a broken variable', `exec: \${STN\n`, '1:7', 'CONFIG_VALUE', 'must follow'],
  ])('%s', (_name, text, position, code, message) => {
    const error = errorOfText(text);
    expect(error).toMatchObject({ code, exitStatus: 78, message: expect.stringContaining(message) });
    expect(error.message.startsWith(`${file}:${position}`)).toBe(true);
    expect(error.hint).not.toBe('');
  });

  it('of comments alone, as Litestream’s package installs it, is as good as none, and a note says so', () => {
    const config = loadText('# dbs:\n#  - path: /a.db\n');
    expect(config.databases).toMatchObject([{ path: '/data/station.db', replicas: [] }]);
    expect(config.notes).toMatchObject([{ level: 'WARN', message: expect.stringContaining('the file says nothing') }]);
  });

  it('nested without end ends as an error', () => {
    for (const text of ['['.repeat(20_000), '{a: '.repeat(20_000), `dbs: ${'['.repeat(60)}${']'.repeat(60)}`]) {
      expect(errorOfText(text).code).toBe('CONFIG_SYNTAX');
    }
  });

  it('with aliases that multiply ends as an error, soon', () => {
    const lines = ['x-0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 12; level++) lines.push(`x-${level}: &a${level} [${`*a${level - 1}, `.repeat(10)}]`);
    expect(errorOfText(`${lines.join('\n')}\n`).code).toBe('CONFIG_SYNTAX');
    expect(errorOfText('x-a: &a [*a]\n').code).toBe('CONFIG_SYNTAX');
  });
});

describe('a file with unusual but sound YAML loads', () => {
  it.each([
    ['a byte order mark', `\uFEFF${good}`],
    ['carriage returns', good.replaceAll('\n', '\r\n')],
    ['a document start', `---\n${good}`],
    ['JSON', '{"dbs": [{"path": "/data/station.db", "replicas": [{"path": "/r"}]}]}'],
    ['YAML 1.1', `%YAML 1.1\n---\n${good}`],
    ['an anchor and an alias', 'x-r: &r {path: /r}\ndbs: [{path: /data/station.db, replicas: [*r]}]'],
    [
      'a merge key',
      'x-r: &r {path: /s, sync-interval: 5s}\ndbs: [{path: /data/station.db, replica: {<<: *r, path: /r}}]',
    ],
  ])('%s', (_name, text) => {
    expect(loadText(text).databases).toMatchObject([
      { path: '/data/station.db', replicas: [{ store: { path: '/r' } }] },
    ]);
  });

  it('and of merged maps the map’s own keys win, then the first merged', () => {
    const text = `x-a: &a {path: /a, name: a, sync-interval: 5s}\nx-b: &b {name: b, sync-interval: 6s, retention: 2h}\n`;
    const replica = loadText(`${text}dbs: [{path: /a.db, replica: {<<: [*a, *b], path: /own}}]`).databases[0]
      ?.replicas[0];
    expect(replica).toMatchObject({
      name: 'a',
      syncInterval: 5000,
      retention: { duration: 7_200_000 },
      store: { path: '/own' },
    });
  });
});

describe('a wrong key or value', () => {
  it.each([
    [
      'a misspelt key',
      'retentoin: 24h',
      '5:9',
      'CONFIG_UNKNOWN_KEY',
      '"retentoin" is no key of a replica',
      'did you mean "retention"?',
    ],
    [
      'another spelling',
      'syncInterval: 24h',
      '5:9',
      'CONFIG_UNKNOWN_KEY',
      '"syncInterval"',
      'did you mean "sync-interval"?',
    ],
    ['a key of another place', 'dbs: []', '5:9', 'CONFIG_UNKNOWN_KEY', '"dbs"', 'belongs at the top of the file'],
    ['a key like none', 'colour: blue', '5:9', 'CONFIG_UNKNOWN_KEY', '"colour"', 'remove it'],
    [
      'a number without a unit',
      'sync-interval: 10',
      '5:24',
      'CONFIG_VALUE',
      '"sync-interval" is "10", without a unit',
      'write 10s',
    ],
    ['days', 'retention: 7d', '5:20', 'CONFIG_VALUE', 'days are no unit', 'write 168h'],
    [
      'too short an interval',
      'sync-interval: 500ms',
      '5:24',
      'CONFIG_VALUE',
      'outside 1s to 1h',
      'write a duration of 1s to 1h',
    ],
    ['too long an interval', 'sync-interval: 2h', '5:24', 'CONFIG_VALUE', 'outside 1s to 1h', ''],
    ['too short a retention', 'retention: 10m', '5:20', 'CONFIG_VALUE', 'outside 1h to 8760h', ''],
    ['too long a retention', 'retention: 8761h', '5:20', 'CONFIG_VALUE', 'outside 1h to 8760h', ''],
    [
      'a list in place of a value',
      'name: [a]',
      '5:15',
      'CONFIG_VALUE',
      '"name" takes a single value, and is a list',
      '',
    ],
    ['a map in place of a value', 'name: {a: b}', '5:15', 'CONFIG_VALUE', 'is a map of keys', ''],
  ])('%s', (_name, line, position, code, message, hint) => {
    const error = errorOfText(withReplica('path: /r', line));
    expect(error).toMatchObject({
      code,
      message: expect.stringContaining(message),
      hint: expect.stringContaining(hint),
    });
    expect(error.message.startsWith(`${file}:${position}: `)).toBe(true);
  });

  it.each([
    ['dbs: /a.db', ':1:6: "dbs" takes a list of maps, and is a single value'],
    ['dbs: {path: /a.db}', ':1:6: "dbs" takes a list of maps, and is a map of keys'],
    ['dbs: [/a.db]', ':1:7: "dbs" takes a list of maps, and has a single value in it'],
    ['dbs: [{path: /a.db, replicas: ["s3://b/p"]}]', ':1:32: "replicas" takes a list of maps'],
    ['dbs: [{path: /a.db, replica: [{path: /r}]}]', '"replica" takes a map of keys, and is a list'],
    ['logging: json', '"logging" takes a map of keys'],
    ['levels: [1, 2]', '"levels" takes a list of maps'],
  ])('%s', (text, message) => {
    expect(errorOfText(text).message).toContain(message);
  });

  it('each of several is a line of its own, in the file’s order', () => {
    const error = errorOfText(withReplica('path: /r', 'retention: 7d', 'colour: blue', 'sync-interval: 10'));
    expect(error.message.split('\n')).toEqual([
      `${file}:5:20: "retention" is "7d"; days are no unit (write 168h)`,
      `${file}:6:9: "colour" is no key of a replica (remove it; docs/configuration.md lists every key)`,
      `${file}:7:24: "sync-interval" is "10", without a unit (write 10s)`,
    ]);
    expect(error).toMatchObject({ code: 'CONFIG_VALUE', hint: expect.stringContaining('these 3 places') });
  });
});

describe('a key that asks for what we do not do is refused by name', () => {
  it.each([
    ['mcp-addr: ":3001"', 'mcp-addr', 'no MCP server'],
    ['heartbeat-url: https://x', 'heartbeat-url', 'heartbeats are not sent'],
    ['logging: {source: true}', 'logging.source', 'do not name source files'],
    [
      'dbs: [{path: /a, restore-if-db-not-exists: false, replica: {path: /r}}]',
      'restore-if-db-not-exists',
      'always restored',
    ],
  ])('%s', (text, key, hint) => {
    const error = errorOfText(text);
    expect(error).toMatchObject({
      code: 'CONFIG_UNSUPPORTED',
      message: expect.stringContaining(`"${key}" is not supported`),
    });
    expect(`${error.message} ${error.hint}`).toContain(hint);
  });

  it('unless its value asks for what is so anyway, or says nothing', () => {
    const databases = 'dbs: [{path: /a, restore-if-db-not-exists: true, watch: false, dir: "", replica: {path: /r}}]';
    const text = `addr: $ADDR\nsocket: {enabled: false}\nlogging: {source: false}\n`;
    expect(loadText(text + databases).databases).toHaveLength(1);
  });

  it('defaults that no replica takes are named: of types that do not work refused, of others in a note', () => {
    expect(errorOfText(`webdav-username: x\n${good}`)).toMatchObject({
      code: 'CONFIG_UNSUPPORTED',
      message: `${file}:1:18: "webdav-username" belongs to replicas of type webdav, which are not supported`,
    });
    expect(loadText(`region: eu\n${good}`).notes).toMatchObject([{ level: 'WARN', where: `${file}:1:9` }]);
    expect(loadText(`account-name: x\n${good}`).notes).toMatchObject([{ level: 'WARN', where: `${file}:1:15` }]);
  });
});
