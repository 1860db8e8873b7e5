import { type Bytes, bytes, type Milliseconds, milliseconds } from '../quantities.ts';
import type { KeyRule } from './keys/key-rule.ts';
import type { Where } from './problem.ts';
import type { MapTree } from './tree.ts';

/** One map of the file after its keys were checked: what each says, or that it says nothing. */
export interface Section {
  readonly where: Where;
  /** By name; keys of a group as `outer.inner`. Only what was given. */
  readonly values: ReadonlyMap<string, SectionValue>;
  /** Keys that take a list: each of its texts, in order. */
  readonly lists: ReadonlyMap<string, readonly SectionValue[]>;
  /** Keys that are there and say nothing, with the variables that gave nothing. */
  readonly blank: ReadonlyMap<string, readonly string[]>;
  /** Maps of another place, still to be read. */
  readonly nested: ReadonlyMap<string, readonly MapTree[]>;
}

export interface SectionValue {
  readonly value: string | number | boolean;
  /** As written, variables not expanded. */
  readonly template: string;
  readonly where: Where;
  readonly rule: KeyRule;
  /** Variables it needed that are not set. */
  readonly unset: readonly string[];
}

/** The value in the first of the sections that has it: the replica's own before the file's default. */
export function find(sections: readonly Section[], name: string): SectionValue | undefined {
  for (const section of sections) {
    const found = section.values.get(name);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The list in the first of the sections that has it; empty where none has. */
export function findList(sections: readonly Section[], name: string): readonly SectionValue[] {
  for (const section of sections) {
    const found = section.lists.get(name);
    if (found !== undefined) return found;
  }
  return [];
}

export function findText(sections: readonly Section[], name: string): string | undefined {
  const value = find(sections, name)?.value;
  return value === undefined ? undefined : String(value);
}

export function findBoolean(sections: readonly Section[], name: string): boolean | undefined {
  const value = find(sections, name)?.value;
  return typeof value === 'boolean' ? value : undefined;
}

export function findNumber(sections: readonly Section[], name: string): number | undefined {
  const value = find(sections, name)?.value;
  return typeof value === 'number' ? value : undefined;
}

export function findDuration(sections: readonly Section[], name: string): Milliseconds | undefined {
  const value = findNumber(sections, name);
  return value === undefined ? undefined : milliseconds(value);
}

export function findSize(sections: readonly Section[], name: string): Bytes | undefined {
  const value = findNumber(sections, name);
  return value === undefined ? undefined : bytes(value);
}
