import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { diskIdentity, instanceOf, type Surroundings } from '../../src/lease/instance.ts';

const around = (environment: Surroundings['environment'], more: Partial<Surroundings> = {}) =>
  instanceOf('disk', { environment, hostname: 'host', pid: 12, bootId: 'boot', task: undefined, ...more });

describe('an instance', () => {
  it('on plain Docker is known by its disk alone: a host name is no identity', () => {
    expect(around({ HOSTNAME: 'host' })).toEqual({
      disk: 'disk',
      place: undefined,
      owner: 'host:12',
      service: undefined,
    });
  });

  it('on Kubernetes is its pod at this boot, of the Deployment that its name tells', () => {
    const environment = {
      KUBERNETES_SERVICE_HOST: '10.0.0.1',
      HOSTNAME: 'my-web-5d4f8c7b9d-x2x4z',
      POD_NAMESPACE: 'shop',
    };
    expect(around(environment)).toMatchObject({
      place: 'kubernetes/shop/my-web-5d4f8c7b9d-x2x4z@boot',
      service: { platform: 'kubernetes', name: 'shop/my-web' },
    });
    expect(around(environment, { bootId: undefined }).place).toBeUndefined();
  });

  it('of a StatefulSet is of no service: there is never a new one beside the old', () => {
    expect(around({ KUBERNETES_SERVICE_HOST: '10.0.0.1', HOSTNAME: 'station-db-0' }).service).toBeUndefined();
  });

  it('on Cloud Run is one of a service, and only its disk tells it from the others', () => {
    expect(around({ K_SERVICE: 'web', K_REVISION: 'web-00042-abc' })).toMatchObject({
      place: undefined,
      service: { platform: 'cloud-run', name: 'web' },
    });
  });

  it('on Container Apps is its replica', () => {
    expect(around({ CONTAINER_APP_NAME: 'web', CONTAINER_APP_REPLICA_NAME: 'web--r2-abc' })).toMatchObject({
      place: 'azure-container-apps/web/web--r2-abc@boot',
      service: { platform: 'azure-container-apps', name: 'web' },
    });
  });

  it('on ECS is its task, of its service or its family', () => {
    const environment = { ECS_CONTAINER_METADATA_URI_V4: 'http://169.254.170.2/v4/x' };
    const task = { arn: 'arn:aws:ecs:task/1', family: 'family', service: undefined };
    expect(around(environment, { task })).toMatchObject({
      place: 'ecs/arn:aws:ecs:task/1@boot',
      service: { platform: 'ecs', name: 'family' },
    });
    expect(around(environment, { task: { ...task, service: 'web' } }).service).toMatchObject({ name: 'web' });
    expect(around(environment)).toMatchObject({ place: undefined, service: undefined });
  });

  it('is of the service that STATION_SERVICE names, anywhere', () => {
    expect(around({ STATION_SERVICE: 'web' }).service).toEqual({ platform: 'docker', name: 'web' });
    expect(around({ STATION_SERVICE: 'api', K_SERVICE: 'web' }).service?.name).toBe('api');
  });
});

it('a disk keeps its name', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'instance-'));
  try {
    const first = await diskIdentity(join(folder, 'instance'));
    expect(await diskIdentity(join(folder, 'instance'))).toBe(first);
    expect(await diskIdentity(join(folder, 'other'))).not.toBe(first);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
