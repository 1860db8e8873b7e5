import type { ListenAddress } from '../config/listen-address.ts';
import type { Log } from '../observe/log.ts';
import { redact } from '../observe/redact.ts';
import type { LifeObserver, LifeView } from '../supervisor/life-view.ts';

/** Where a life tells how it is, for the health endpoints to answer by. */
export interface Health {
  readonly onLife: LifeObserver;
  /** Told whose lease is waited for; undefined when it is no longer. */
  readonly onLeaseWait: (holder: string | undefined) => void;
}

/** Serves the health endpoints, where there is an address for them. Nothing that goes wrong there ends the program. */
export function openHealth(address: ListenAddress | undefined, secrets: ReadonlySet<string>, log: Log): Health {
  if (address === undefined) return { onLife: () => {}, onLeaseWait: () => {} };
  let life: LifeView | undefined;
  let holder: string | undefined;
  // Loaded beside the restore: HTTP is slow to load, and the command need not wait for it.
  import('../observe/health-server.ts').then(
    ({ serveHealth }) =>
      serveHealth({ address, state: () => ({ life, holder }), clean: (text) => redact(text, secrets), log }),
    (error: unknown) => log.warn(`no health endpoints: ${String(error)}`),
  );
  return {
    onLife: (view) => {
      life = view;
    },
    onLeaseWait: (waitedFor) => {
      holder = waitedFor;
    },
  };
}
