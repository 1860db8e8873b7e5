import { isAlias, isMap, isScalar, isSeq, type Pair, type Scalar, type YAMLMap } from 'yaml';
import { isStationError, StationError } from '../errors.ts';
import { expandVariables, type LookupVariable } from './expand-variables.ts';
import { type ConfigErrorCode, type Problem, problemsAsError, type Where } from './problem.ts';
import type { MapEntry, TextTree, Tree } from './tree.ts';
import { parseYaml, type YamlText } from './yaml-text.ts';

/** More values than any config has: aliases of aliases multiply, and this bounds them. */
const mostNodes = 20_000;
const deepestNesting = 32;

interface Reading {
  readonly yaml: YamlText;
  readonly lookup: LookupVariable | undefined;
  readonly problems: Problem[];
  nodes: number;
}

/**
 * A YAML text as a tree. Variables are expanded in each value after YAML was parsed, so that what a variable holds can
 * never become structure; without a lookup they stay. Anchors, aliases and `<<` merge keys are resolved.
 *
 * @throws StationError CONFIG_SYNTAX, CONFIG_VALUE, CONFIG_ENVIRONMENT
 */
export function readTree(text: string, source: string, lookup: LookupVariable | undefined): Tree {
  const yaml = parseYaml(text, source);
  const reading: Reading = { yaml, lookup, problems: [], nodes: 0 };
  const tree = readNode(yaml.document.contents, yaml.whereOf(0), reading, 0);
  if (reading.problems.length > 0) throw problemsAsError(reading.problems);
  return tree;
}

function readNode(node: unknown, fallback: Where, reading: Reading, depth: number): Tree {
  reading.nodes += 1;
  const where = whereOf(node, fallback, reading);
  if (reading.nodes > mostNodes || depth > deepestNesting) {
    throw new StationError('CONFIG_SYNTAX', `${where.text}: the file nests too deeply, or its aliases multiply`, {
      hint: 'write the values out',
    });
  }
  if (isAlias(node)) {
    const target = node.resolve(reading.yaml.document);
    if (target !== undefined) return readNode(target, where, reading, depth + 1);
    problem(reading, where, 'CONFIG_SYNTAX', 'this alias has no anchor above it', 'define it with &name before');
    return { kind: 'nothing', where };
  }
  if (isMap(node)) return { kind: 'map', where, entries: readEntries(node, reading, depth) };
  if (isSeq(node)) {
    return { kind: 'list', where, items: node.items.map((item) => readNode(item, where, reading, depth + 1)) };
  }
  if (!isScalar(node) || node.value === null || node.value === undefined) return { kind: 'nothing', where };
  return readText(textOf(node), where, reading);
}

function readEntries(map: YAMLMap, reading: Reading, depth: number): Map<string, MapEntry> {
  const own = new Map<string, MapEntry>();
  const merged: Map<string, MapEntry>[] = [];
  for (const pair of map.items as Pair[]) {
    const where = whereOf(pair.key, whereOf(map, reading.yaml.whereOf(0), reading), reading);
    if (!isScalar(pair.key)) {
      problem(reading, where, 'CONFIG_SYNTAX', 'a key must be a plain word', 'put values with { } in quotes');
      continue;
    }
    const name = textOf(pair.key);
    const value = readNode(pair.value, where, reading, depth + 1);
    if (name === '<<') merged.push(...mergedEntries(value, reading));
    else own.set(name, { where, value });
  }
  // The map's own keys win over merged ones, earlier merges over later ones.
  return new Map([...merged.toReversed().flatMap((entries) => [...entries]), ...own]);
}

function mergedEntries(value: Tree, reading: Reading): Map<string, MapEntry>[] {
  const maps = value.kind === 'list' ? value.items : [value];
  return maps.flatMap((map) => {
    if (map.kind === 'map') return [new Map(map.entries)];
    problem(reading, map.where, 'CONFIG_SYNTAX', '"<<" merges maps only', 'name the anchor of a map');
    return [];
  });
}

function readText(text: string, where: Where, reading: Reading): TextTree {
  const asWritten: TextTree = { kind: 'text', text, template: text, where, unset: [], empty: [] };
  if (reading.lookup === undefined) return asWritten;
  try {
    const expanded = expandVariables(text, reading.lookup);
    if (expanded.kind === 'expanded') return { ...asWritten, ...expanded, kind: 'text' };
    problem(
      reading,
      where,
      'CONFIG_VALUE',
      expanded.reason,
      'write "$$" for one "$"; docs/configuration.md, Variables',
    );
  } catch (error) {
    if (!isStationError(error, 'CONFIG_ENVIRONMENT')) throw error;
    problem(reading, where, 'CONFIG_ENVIRONMENT', error.message, error.hint);
  }
  return asWritten;
}

/** Numbers and booleans as they are written: an account number keeps its leading zeros. */
function textOf(scalar: Scalar): string {
  if (typeof scalar.value === 'string') return scalar.value;
  return scalar.source ?? String(scalar.value);
}

function whereOf(node: unknown, fallback: Where, reading: Reading): Where {
  const range = (node as { range?: readonly number[] | null } | null | undefined)?.range;
  return range?.[0] === undefined ? fallback : reading.yaml.whereOf(range[0]);
}

function problem(reading: Reading, where: Where, code: ConfigErrorCode, message: string, hint: string): void {
  reading.problems.push({ where, code, message, hint });
}
