import type { ErrorCode } from '../errors.ts';
import type { Milliseconds } from '../quantities.ts';

/** One thing that is tried. */
export interface Step<Context> {
  readonly name: string;
  /** Steps without whose success this one makes no sense; they come before it. */
  readonly needs: readonly string[];
  /** Where it may take so many times longer than others. */
  readonly slowness?: number;
  /** What was found, for a person to read. Throws for what is wrong. */
  run(context: Context, signal: AbortSignal): Promise<string | NotApplicable>;
}

/** There is nothing to try: what depends on it goes on. */
interface NotApplicable {
  readonly notApplicable: string;
}

/** What came of it. */
export interface StepReport {
  readonly step: string;
  readonly outcome:
    | { readonly kind: 'ok'; readonly detail: string; readonly elapsed: Milliseconds }
    | {
        readonly kind: 'failed';
        readonly code: ErrorCode;
        readonly detail: string;
        readonly hint: string;
        readonly elapsed: Milliseconds;
      }
    | { readonly kind: 'skipped'; readonly detail: string };
}
