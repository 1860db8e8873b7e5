import { describe, expect, test } from 'vitest';
import { scrubEnvironment } from '../../src/supervisor/scrub-environment.ts';

const nothing = { secrets: new Set<string>(), readSecretFile: () => undefined };
const leftOf = (names: readonly string[], options = nothing) =>
  Object.keys(
    scrubEnvironment(Object.fromEntries(names.map((name) => [name, `value of ${name}`])), options).environment,
  );

describe('a scrubbed environment', () => {
  test('has none of Litestream’s variables, and no credentials of the clouds', () => {
    const secret = [
      'LITESTREAM_S3_SECRET_ACCESS_KEY',
      'LITESTREAM_ACCESS_KEY_ID_FILE',
      'LITESTREAM_CONFIG',
      'AWS_ACCESS_KEY_ID',
      'AWS_SECRET_ACCESS_KEY',
      'AWS_SECRET_ACCESS_KEY_FILE',
      'AWS_SESSION_TOKEN',
      'AWS_WEB_IDENTITY_TOKEN_FILE',
      'AWS_SHARED_CREDENTIALS_FILE',
      'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
      'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
      'AZURE_CLIENT_SECRET',
      'AZURE_STORAGE_KEY',
      'AZURE_STORAGE_CONNECTION_STRING',
      'AZURE_FEDERATED_TOKEN_FILE',
      'AZURE_CLIENT_CERTIFICATE_PATH',
      'GOOGLE_APPLICATION_CREDENTIALS',
    ];
    expect(leftOf(secret)).toEqual([]);
  });

  test('has everything else', () => {
    const plain = ['PATH', 'HOME', 'AWS_REGION', 'AZURE_TENANT_ID', 'GOOGLE_CLOUD_PROJECT', 'STATION_PORT', 'API_KEY'];
    expect(leftOf(plain)).toEqual(plain);
  });

  test('has no variable whose value the configuration uses as a secret, be it in a file', () => {
    const options = {
      secrets: new Set(['hunter2', 'from a file']),
      readSecretFile: (path: string) => (path === '/run/secrets/key' ? 'from a file\n' : undefined),
    };
    const environment = { MY_KEY: 'hunter2', THEIR_KEY_FILE: '/run/secrets/key', LOG_FILE: '/var/log/x', EMPTY: '' };
    expect(scrubEnvironment(environment, options)).toEqual({
      environment: { LOG_FILE: '/var/log/x', EMPTY: '' },
      kept: ['MY_KEY', 'THEIR_KEY_FILE'],
    });
  });
});
