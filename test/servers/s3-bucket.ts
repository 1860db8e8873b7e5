import type { IncomingHttpHeaders } from 'node:http';
import type { Content } from './s3-content.ts';
import { noSuchKey, S3Refusal } from './s3-refusal.ts';

export interface StoredObject {
  readonly key: string;
  readonly content: Content;
  /** Without quotes. */
  readonly etag: string;
  readonly lastModified: Date;
  /** What came with the put and comes back with the get: metadata, content type, storage class, encryption. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Upload {
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly parts: Map<number, { readonly content: Content; readonly etag: string }>;
}

/** A write under way, from the request's arrival to the instant it takes effect. */
export interface PendingWrite {
  readonly key: string;
  readonly ifNoneMatch: string | undefined;
  readonly ifMatch: string | undefined;
  /** Another write of the key took effect meanwhile. */
  overtaken: boolean;
}

/** One bucket. Every write takes effect in one synchronous step, so that of any number of racers one wins. */
export class Bucket {
  readonly objects = new Map<string, StoredObject>();
  readonly uploads = new Map<string, Upload>();
  readonly #pending = new Set<PendingWrite>();

  begin(key: string, headers: IncomingHttpHeaders, ignoreConditions: boolean): PendingWrite {
    const ifNoneMatch = ignoreConditions ? undefined : headers['if-none-match'];
    const ifMatch = ignoreConditions ? undefined : headers['if-match'];
    if (ifNoneMatch !== undefined && ifNoneMatch !== '*') {
      throw new S3Refusal(501, 'NotImplemented', 'A header you provided implies functionality that is not implemented');
    }
    const write: PendingWrite = { key, ifNoneMatch, ifMatch, overtaken: false };
    this.check(write);
    this.#pending.add(write);
    return write;
  }

  /** Puts the object, or throws why its conditions do not hold (any more). */
  commit(write: PendingWrite, object: StoredObject): void {
    this.check(write);
    for (const other of this.#pending) if (other.key === write.key && other !== write) other.overtaken = true;
    void this.objects.get(object.key)?.content.discard();
    this.objects.set(object.key, object);
  }

  end(write: PendingWrite): void {
    this.#pending.delete(write);
  }

  private check(write: PendingWrite): void {
    if (write.ifNoneMatch === undefined && write.ifMatch === undefined) return;
    if (write.overtaken) {
      const text = 'The conditional request cannot succeed due to a conflicting operation against this resource.';
      throw new S3Refusal(409, 'ConditionalRequestConflict', text);
    }
    const current = this.objects.get(write.key);
    if (write.ifNoneMatch === '*' && current !== undefined) throw preconditionFailed();
    if (write.ifMatch === undefined) return;
    if (current === undefined) throw noSuchKey();
    if (!etagMatches(write.ifMatch, current)) throw preconditionFailed();
  }
}

export function etagMatches(condition: string, object: StoredObject): boolean {
  return condition.split(',').some((tag) => ['*', object.etag].includes(tag.trim().replaceAll('"', '')));
}

export function preconditionFailed(): S3Refusal {
  return new S3Refusal(412, 'PreconditionFailed', 'At least one of the pre-conditions you specified did not hold');
}
