import type { Hash } from 'node:crypto';
import { conditionNotMet } from './gcs-refusal.ts';
import type { Content } from './s3-content.ts';

/** What the maker of an object says of it. */
export interface ObjectProperties {
  readonly name: string;
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly md5Hash?: string;
}

export interface StoredObject extends ObjectProperties {
  readonly content: Content;
  readonly generation: number;
  readonly md5Hash: string;
  readonly created: Date;
}

/** A resumable upload, from its start to its end; `state` says what a question about it is answered with. */
export interface Upload {
  readonly properties: ObjectProperties;
  readonly condition: string | undefined;
  readonly parts: Content[];
  readonly checksum: Hash;
  state:
    | { readonly kind: 'open' }
    | { readonly kind: 'cancelled' }
    | { readonly kind: 'done'; readonly object: StoredObject };
}

/** Generations grow across all buckets, as they do by the clock at Google. */
let lastGeneration = 1_700_000_000_000_000;

/** One bucket. Every write takes effect in one synchronous step, so that of any number of racers one wins. */
export class Bucket {
  readonly objects = new Map<string, StoredObject>();
  readonly uploads = new Map<string, Upload>();

  /** @param condition `ifGenerationMatch`: 0 for "there is none" */
  check(name: string, condition: string | undefined): void {
    const generation = this.objects.get(name)?.generation ?? 0;
    if (condition !== undefined && String(generation) !== condition) throw conditionNotMet();
  }

  commit(properties: ObjectProperties, condition: string | undefined, content: Content, md5Hash: string): StoredObject {
    this.check(properties.name, condition);
    lastGeneration += 1;
    const object = { ...properties, content, md5Hash, generation: lastGeneration, created: new Date() };
    void this.objects.get(properties.name)?.content.discard();
    this.objects.set(properties.name, object);
    return object;
  }
}
