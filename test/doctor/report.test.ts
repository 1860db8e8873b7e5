import { expect, it } from 'vitest';
import { type DatabaseReport, doctorJson, doctorLines, isHealthy } from '../../src/doctor/report.ts';
import { milliseconds } from '../../src/quantities.ts';

const report: DatabaseReport = {
  path: '/data/station.db',
  checks: [{ step: 'database', outcome: { kind: 'ok', detail: '1.0 MiB', elapsed: milliseconds(2) } }],
  replicas: [
    {
      name: 's3',
      type: 's3',
      url: 's3://bucket/station',
      provider: 'Oracle Cloud (OCI)',
      steps: [
        { step: 'put', outcome: { kind: 'ok', detail: '63 bytes', elapsed: milliseconds(1234) } },
        {
          step: 'create-only',
          outcome: {
            kind: 'failed',
            code: 'STORAGE_BROKEN',
            detail: 'unable to fence: it was taken',
            hint: 'use another store',
            elapsed: milliseconds(21),
          },
        },
        { step: 'deleted', outcome: { kind: 'skipped', detail: 'delete failed' } },
      ],
    },
  ],
  notConfigured: [{ name: 'gcs', variables: ['LITESTREAM_GCS_BUCKET'] }],
};

it('has a line for each step, and what to do under the one that failed', () => {
  expect(doctorLines([report])).toEqual([
    '/data/station.db',
    '  database         OK           2 ms  1.0 MiB',
    'replica s3: s3://bucket/station (Oracle Cloud (OCI))',
    '  put              OK        1234 ms  63 bytes',
    '  create-only      FAILED      21 ms  unable to fence: it was taken',
    '                                      hint: use another store',
    '  deleted          skipped            delete failed',
    'replica gcs: not configured, LITESTREAM_GCS_BUCKET not set',
  ]);
});

it('says the same as JSON', () => {
  expect(doctorJson([report])).toEqual({
    ok: false,
    databases: [
      {
        db: '/data/station.db',
        checks: [{ step: 'database', status: 'ok', detail: '1.0 MiB', elapsed_ms: 2 }],
        replicas: [
          {
            name: 's3',
            type: 's3',
            url: 's3://bucket/station',
            provider: 'Oracle Cloud (OCI)',
            steps: [
              { step: 'put', status: 'ok', detail: '63 bytes', elapsed_ms: 1234 },
              {
                step: 'create-only',
                status: 'failed',
                detail: 'unable to fence: it was taken',
                elapsed_ms: 21,
                code: 'STORAGE_BROKEN',
                hint: 'use another store',
              },
              { step: 'deleted', status: 'skipped', detail: 'delete failed' },
            ],
          },
        ],
        not_configured: [{ name: 'gcs', variables: ['LITESTREAM_GCS_BUCKET'] }],
      },
    ],
  });
});

it('is healthy when nothing failed', () => {
  expect(isHealthy([report])).toBe(false);
  expect(isHealthy([{ ...report, replicas: [] }])).toBe(true);
});
