import type { Bytes, Milliseconds } from '../../quantities.ts';
import type { ReplicaType } from '../config.ts';

/** The maps of a config file in which a key can stand. */
export type KeyPlace = 'top' | 'database' | 'replica' | 'level';

/** What a key takes. Texts marked secret never reach a message. */
export type Takes =
  | { readonly kind: 'text' }
  | { readonly kind: 'secret' }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'choice'; readonly of: readonly string[] }
  | { readonly kind: 'duration'; readonly from: Milliseconds; readonly to: Milliseconds }
  | { readonly kind: 'size'; readonly from: Bytes; readonly to: Bytes }
  | { readonly kind: 'integer'; readonly from: number; readonly to: number }
  /** A list of texts. */
  | { readonly kind: 'texts' }
  /** A map whose keys have rules of their own, named `outer.inner`, in the same place. */
  | { readonly kind: 'group' }
  /** A map of another place, or a list of such maps. */
  | { readonly kind: 'map'; readonly of: KeyPlace }
  | { readonly kind: 'maps'; readonly of: KeyPlace };

/**
 * What becomes of a key. `noted`: what it asks for holds without it, or is kept for a release that applies it, and a note
 * says so. `refused`: it asks for something we would not do; `except` is the value that asks for what is so anyway.
 */
export type Treatment =
  | { readonly kind: 'honoured' }
  | { readonly kind: 'noted'; readonly level: 'INFO' | 'WARN'; readonly note: string }
  | { readonly kind: 'refused'; readonly hint: string; readonly except?: 'false' | 'true' };

export interface KeyRule {
  /** As written in the file; inside a group, `outer.inner`. */
  readonly name: string;
  /** In `top`, a key that also has `replica` is the default of all replicas. */
  readonly places: readonly KeyPlace[];
  readonly takes: Takes;
  readonly treatment: Treatment;
  /** The replica types it belongs to; undefined: all. */
  readonly types?: readonly ReplicaType[];
  /** For docs/configuration.md. */
  readonly meaning: string;
}
