import { describe, expect, it } from 'vitest';
import { environmentLookup } from '../../src/config/environment.ts';
import { contextOf, errorOf } from './load-text.ts';

const lookup = (environment: Record<string, string>, files: Record<string, string> = {}) =>
  environmentLookup(contextOf({ environment, files }));

describe('the environment', () => {
  it('gives what is set, and nothing else', () => {
    expect(lookup({ A: '1' })('A')).toBe('1');
    expect(lookup({})('A')).toBeUndefined();
    expect(lookup({})('constructor')).toBeUndefined();
  });

  it('takes from .env of the working directory what is not set', () => {
    const from = lookup({ A: 'set', B: '' }, { '/work/.env': 'A=no\nB=no\nexport C="from file"\n# comment\n' });
    expect([from('A'), from('B'), from('C')]).toEqual(['set', '', 'from file']);
  });

  it('takes the value of NAME from the file that NAME_FILE names, without its last line end', () => {
    const files = { '/run/secrets/key': 'secret\n', '/work/near': 'a\nb\r\n', '/work/.env': 'C_FILE=/run/secrets/key' };
    const from = lookup({ A_FILE: '/run/secrets/key', B_FILE: 'near' }, files);
    expect([from('A'), from('B'), from('C')]).toEqual(['secret', 'a\nb', 'secret']);
  });

  it('takes NAME_FILE where NAME is set to nothing, as compose files do', () => {
    expect(lookup({ A: '', A_FILE: '/f' }, { '/f': 'x' })('A')).toBe('x');
  });

  it('refuses NAME and NAME_FILE that disagree, and names no value', () => {
    const error = errorOf(() => lookup({ A: 'one-secret', A_FILE: '/f' }, { '/f': 'other-secret' })('A'));
    expect(error.code).toBe('CONFIG_ENVIRONMENT');
    expect(error.message).not.toMatch(/secret/);
    expect(lookup({ A: 'same', A_FILE: '/f' }, { '/f': 'same\n' })('A')).toBe('same');
  });

  it('says which file of NAME_FILE is missing', () => {
    const error = errorOf(() => lookup({ A_FILE: '/nowhere' })('A'));
    expect(error).toMatchObject({
      code: 'CONFIG_ENVIRONMENT',
      message: expect.stringContaining('A_FILE: there is no file /nowhere'),
    });
  });

  it('does not read a NAME_FILE that nobody asks for', () => {
    expect(lookup({ OTHER_FILE: '/nowhere', A: '1' })('A')).toBe('1');
  });

  it('says so when a file cannot be read', () => {
    const context = {
      ...contextOf({ environment: { A_FILE: '/folder' } }),
      readFile: (path: string) => {
        if (path === '/folder') throw new Error('EISDIR');
        return undefined;
      },
    };
    expect(errorOf(() => environmentLookup(context)('A')).code).toBe('CONFIG_ENVIRONMENT');
  });
});
