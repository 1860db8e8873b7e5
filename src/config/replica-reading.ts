import type { LookupVariable } from './expand-variables.ts';
import type { ConfigReading } from './reading.ts';
import type { Folders } from './resolve-path.ts';
import type { Section } from './section.ts';

/** What a replica's reader needs around the replica's own keys. */
export interface ReplicaReading {
  readonly reading: ConfigReading;
  readonly lookup: LookupVariable;
  readonly context: Folders & { readonly readFile: (path: string) => string | undefined };
  /** The file's top level: defaults of all replicas. */
  readonly top: Section;
  /** The database's own defaults. */
  readonly database: Section;
}
