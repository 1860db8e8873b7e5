import type { NotConfiguredReplica, ReplicaConfig, ReplicaType } from './config.ts';
import type { LookupVariable } from './expand-variables.ts';
import type { ConfigReading } from './reading.ts';
import type { Folders } from './resolve-path.ts';
import type { Section, SectionValue } from './section.ts';

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

export type Unnamed<T> = Omit<T, 'name'>;

/** A replica as it was found, its name still to be made unique. */
export interface FoundReplica {
  readonly type: ReplicaType;
  /** What the name is made from where none is given: the type as written. */
  readonly baseName: string;
  readonly givenName: SectionValue | undefined;
  readonly outcome:
    | { readonly kind: 'configured'; readonly replica: Unnamed<ReplicaConfig> }
    | { readonly kind: 'not-configured'; readonly replica: Unnamed<NotConfiguredReplica> }
    /** What is wrong with it has been added to the problems. */
    | { readonly kind: 'wrong' };
}
