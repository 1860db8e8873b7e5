/** Which requests a fault takes. All that is given must fit; all as JSON, so that another process can ask for it. */
export interface FaultFilter {
  readonly method?: string;
  /** `PutObject`, `UploadPart`, `ListObjectsV2`, … */
  readonly operation?: string;
  /** Regular expression on the key. */
  readonly key?: string;
}

export type FaultAction =
  /** Answers this and does nothing. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly code: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Takes the request and never answers. */
  | { readonly kind: 'hang' }
  | { readonly kind: 'delay'; readonly milliseconds: number }
  /** Closes the connection: at once, after half of the request's body, after half of the answer's, or done but unanswered. */
  | { readonly kind: 'drop'; readonly at: 'start' | 'half-request' | 'half-response' | 'response' }
  /** The answer's body comes at this rate. */
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** Lies, as some stores tell them: OCI takes a conditional put for a plain one, R2 was seen to answer a delete and keep the object. */
  | { readonly kind: 'ignore-conditions' }
  | { readonly kind: 'keep-deleted' }
  /** DeleteObjects answers 200, with a refusal for each key inside. */
  | { readonly kind: 'refuse-deletes' };

export interface Fault {
  readonly when?: FaultFilter;
  /** How many requests it takes; without, until it is removed. */
  readonly times?: number;
  readonly do: FaultAction;
}

export interface FaultList {
  /** @returns removes it */
  add(fault: Fault): () => void;
  clear(): void;
  /** The first fault that takes this request, counted down. */
  take(request: { readonly method: string; readonly operation: string; readonly key: string }): FaultAction | undefined;
}

export function createFaultList(): FaultList {
  let armed: { readonly fault: Fault; left: number }[] = [];
  return {
    add: (fault) => {
      const entry = { fault, left: fault.times ?? Number.POSITIVE_INFINITY };
      armed.push(entry);
      return () => {
        armed = armed.filter((other) => other !== entry);
      };
    },
    clear: () => {
      armed = [];
    },
    take: (request) => {
      const entry = armed.find(({ fault: { when = {} }, left }) => {
        if (left <= 0) return false;
        if (when.method !== undefined && when.method !== request.method) return false;
        if (when.operation !== undefined && when.operation !== request.operation) return false;
        return when.key === undefined || new RegExp(when.key).test(request.key);
      });
      if (entry === undefined) return undefined;
      entry.left -= 1;
      return entry.fault.do;
    },
  };
}
