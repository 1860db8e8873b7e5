import type { StepReport } from './step.ts';

export interface ReplicaReport {
  readonly name: string;
  readonly type: string;
  readonly url: string;
  /** Who is behind an S3 endpoint. */
  readonly provider: string | undefined;
  readonly steps: readonly StepReport[];
}

export interface DatabaseReport {
  /** Undefined where only a replica's URL was given. */
  readonly path: string | undefined;
  readonly checks: readonly StepReport[];
  readonly replicas: readonly ReplicaReport[];
  readonly notConfigured: readonly { readonly name: string; readonly variables: readonly string[] }[];
}

/** True when nothing failed. What was skipped was skipped for something that failed, or does not apply. */
export function isHealthy(databases: readonly DatabaseReport[]): boolean {
  const steps = databases.flatMap(({ checks, replicas }) => [...checks, ...replicas.flatMap((one) => one.steps)]);
  return steps.every(({ outcome }) => outcome.kind !== 'failed');
}

/** What a person reads: one line per step, and what to do under each that failed. */
export function doctorLines(databases: readonly DatabaseReport[]): readonly string[] {
  return databases.flatMap(({ path, checks, replicas, notConfigured }, index) => [
    ...(index === 0 ? [] : ['']),
    ...(path === undefined ? [] : [path, ...checks.flatMap(stepLines)]),
    ...replicas.flatMap(({ name, url, provider, steps }) => [
      `replica ${name}: ${url}${provider === undefined ? '' : ` (${provider})`}`,
      ...steps.flatMap(stepLines),
    ]),
    ...notConfigured.map(({ name, variables }) => `replica ${name}: not configured, ${variables.join(', ')} not set`),
  ]);
}

/** The longest name of a step, and a space. */
const NAME_WIDTH = 'compare-and-swap '.length;

function stepLines({ step, outcome }: StepReport): readonly string[] {
  const name = `  ${step.padEnd(NAME_WIDTH)}`;
  switch (outcome.kind) {
    case 'ok':
      return [`${name}OK       ${`${outcome.elapsed} ms`.padStart(8)}  ${outcome.detail}`];
    case 'failed':
      return [
        `${name}FAILED   ${`${outcome.elapsed} ms`.padStart(8)}  ${outcome.detail}`,
        `${' '.repeat(NAME_WIDTH + 21)}hint: ${outcome.hint}`,
      ];
    case 'skipped':
      return [`${name}skipped            ${outcome.detail}`];
  }
}

/** The same for programs; docs/commands.md describes it, and it is only ever added to. */
export function doctorJson(databases: readonly DatabaseReport[]) {
  return {
    ok: isHealthy(databases),
    databases: databases.map(({ path, checks, replicas, notConfigured }) => ({
      db: path ?? null,
      checks: checks.map(stepJson),
      replicas: replicas.map(({ name, type, url, provider, steps }) => ({
        name,
        type,
        url,
        provider: provider ?? null,
        steps: steps.map(stepJson),
      })),
      not_configured: notConfigured,
    })),
  };
}

function stepJson({ step, outcome }: StepReport) {
  if (outcome.kind === 'skipped') return { step, status: 'skipped', detail: outcome.detail };
  const { kind, detail, elapsed } = outcome;
  const failure = outcome.kind === 'failed' ? { code: outcome.code, hint: outcome.hint } : {};
  return { step, status: kind, detail, elapsed_ms: elapsed, ...failure };
}
