import type { LifeView } from '../supervisor/life-view.ts';

export interface HealthAnswer {
  readonly status: 200 | 404 | 405 | 503;
  readonly body: Readonly<Record<string, string>>;
}

export interface HealthState {
  /** Undefined before the life has begun. */
  readonly life: LifeView | undefined;
  /** Whose lease is waited for. */
  readonly holder: string | undefined;
}

/**
 * What a probe is told. `/livez`: this process answers, so it need not be killed; a restore may take long. `/startupz`:
 * the restore is done and the command was up once. `/readyz`: send requests here.
 * @param target the request's path, with whatever query
 */
export function answerHealth(method: string, target: string, { life, holder }: HealthState): HealthAnswer {
  const [path = ''] = target.split('?');
  const readiness = { '/livez': 'live', '/startupz': life?.startup, '/readyz': life?.readiness } as const;
  if (!Object.hasOwn(readiness, path)) return { status: 404, body: { status: 'not found' } };
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, body: { status: 'method not allowed' } };
  const answer = readiness[path as keyof typeof readiness];
  const phase = life?.phase ?? 'starting';
  if (answer === 'live' || answer?.kind === 'ready') return { status: 200, body: { status: 'ok', phase } };
  const isWaiting = phase === 'restoring' && holder !== undefined && life?.stop === undefined;
  const reason = isWaiting ? `waiting for the lease, which ${holder} holds` : (answer?.reason ?? 'starting');
  return { status: 503, body: { status: 'unavailable', phase, reason } };
}
