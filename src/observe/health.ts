import type { LifeView } from '../supervisor/life-view.ts';

export interface HealthAnswer {
  readonly status: 200 | 404 | 405 | 503;
  readonly body: Readonly<Record<string, string>>;
}

/**
 * What a probe is told. `/livez`: this process answers, so it need not be killed; a restore may take long. `/startupz`:
 * the restore is done and the command was up once. `/readyz`: send requests here.
 * @param life undefined before the life has begun
 * @param target the request's path, with whatever query
 */
export function answerHealth(method: string, target: string, life: LifeView | undefined): HealthAnswer {
  const [path = ''] = target.split('?');
  const readiness = { '/livez': 'live', '/startupz': life?.startup, '/readyz': life?.readiness } as const;
  if (!Object.hasOwn(readiness, path)) return { status: 404, body: { status: 'not found' } };
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, body: { status: 'method not allowed' } };
  const answer = readiness[path as keyof typeof readiness];
  const phase = life?.phase ?? 'starting';
  if (answer === 'live' || answer?.kind === 'ready') return { status: 200, body: { status: 'ok', phase } };
  return { status: 503, body: { status: 'unavailable', phase, reason: answer?.reason ?? 'starting' } };
}
