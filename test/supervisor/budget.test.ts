import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { milliseconds } from '../../src/quantities.ts';
import { describeStopBudget, planStopBudget } from '../../src/supervisor/budget.ts';
import { stopDeadlines } from '../../src/supervisor/deadlines.ts';
import { detectPlatform } from '../../src/supervisor/platform.ts';

describe('the platform tells its time by the variables it sets', () => {
  test.each([
    ['KUBERNETES_SERVICE_HOST', 'kubernetes', 30_000],
    ['ECS_CONTAINER_METADATA_URI_V4', 'ecs', 30_000],
    ['CONTAINER_APP_NAME', 'azure-container-apps', 30_000],
    ['K_SERVICE', 'cloud-run', 10_000],
    ['CLOUD_RUN_JOB', 'cloud-run', 10_000],
    ['FLY_APP_NAME', 'fly', 5_000],
    ['HOME', 'docker', 10_000],
  ])('%s: %s, %i ms', (variable, name, stopTimeout) => {
    expect(detectPlatform({ [variable]: 'x' })).toMatchObject({ name, stopTimeout });
  });

  test('Knative on Kubernetes is Kubernetes, not Cloud Run', () => {
    expect(detectPlatform({ K_SERVICE: 'x', KUBERNETES_SERVICE_HOST: '10.0.0.1' }).name).toBe('kubernetes');
  });

  test('Azure Container Instances are known by their application, and warn that no signal may come', () => {
    const platform = detectPlatform({ Fabric_ApplicationName: 'caas-ba8c363d86ef4452a33872dd70e9e5de' });
    expect(platform).toMatchObject({ name: 'azure-container-instances', stopTimeout: 10_000 });
    expect(platform.warning).toContain('without a signal');
    expect(detectPlatform({ Fabric_ApplicationName: 'fabric:/Shop' }).name).toBe('docker');
  });

  test('--stop-timeout wins over every platform', () => {
    const budget = planStopBudget(detectPlatform({ K_SERVICE: 'x' }), milliseconds(120_000));
    expect(budget).toMatchObject({ total: 120_000, application: 60_000, drain: 58_000, margin: 2_000 });
  });

  test('an empty variable says nothing', () => {
    expect(detectPlatform({ KUBERNETES_SERVICE_HOST: '' }).name).toBe('docker');
  });
});

describe('the budget', () => {
  const docker = detectPlatform({});

  test('of ten seconds', () => {
    const text = describeStopBudget(planStopBudget(docker, undefined));
    expect(text).toBe('budget 10s: application 5s, drain 4s, margin 1s');
  });

  test('of thirty seconds', () => {
    const text = describeStopBudget(planStopBudget(detectPlatform({ K_SERVICE: 'x' }), milliseconds(30_000)));
    expect(text).toBe('budget 30s: application 15s, drain 13s, margin 2s');
  });

  test('gives the drain a minute when nobody is waiting to kill', () => {
    const budget = planStopBudget(docker, undefined);
    const asked = stopDeadlines(milliseconds(0), budget, 'asked');
    const byItself = stopDeadlines(milliseconds(0), budget, 'by-itself');
    expect([asked.kill, asked.drain]).toEqual([5_000, 9_000]);
    expect([byItself.kill, byItself.drain]).toEqual([5_000, 65_000]);
  });

  test('is always spent completely, and its deadlines come in order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3_600_000 }), fc.nat({ max: 1e9 }), (total, began) => {
        const budget = planStopBudget(docker, milliseconds(total));
        expect(budget.application + budget.drain + budget.margin).toBe(total);
        const { kill, giveUp, drain, drainOverdue, close } = stopDeadlines(milliseconds(began), budget, 'asked');
        const inOrder = [began, kill, giveUp, drain, drainOverdue, close, began + total];
        expect(inOrder).toEqual(inOrder.toSorted((a, b) => a - b));
      }),
    );
  });
});
