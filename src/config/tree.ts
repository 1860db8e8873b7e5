import type { Where } from './problem.ts';

/** A config file, or the environment in its place, as plain data with positions: aliases resolved, variables expanded. */
export type Tree = TextTree | NothingTree | ListTree | MapTree;

export interface TextTree {
  readonly kind: 'text';
  /** As written for plain scalars: `0600` stays `0600`. */
  readonly text: string;
  /** The same before its variables were expanded. */
  readonly template: string;
  readonly where: Where;
  /** Variables this value needed that are not set. */
  readonly unset: readonly string[];
  /** Variables this value names that gave nothing. */
  readonly empty: readonly string[];
}

/** `key:` with nothing behind it, or null. */
interface NothingTree {
  readonly kind: 'nothing';
  readonly where: Where;
}

interface ListTree {
  readonly kind: 'list';
  readonly where: Where;
  readonly items: readonly Tree[];
}

export interface MapTree {
  readonly kind: 'map';
  readonly where: Where;
  readonly entries: ReadonlyMap<string, MapEntry>;
}

export interface MapEntry {
  /** Where the key stands. */
  readonly where: Where;
  readonly value: Tree;
}

export const nameOfKind: Readonly<Record<Tree['kind'], string>> = {
  text: 'a single value',
  nothing: 'nothing',
  list: 'a list',
  map: 'a map of keys',
};
