import { closestName } from './closest-name.ts';
import type { KeyPlace, KeyRule } from './keys/key-rule.ts';
import { keyTable, namesIn, rulesFor } from './keys/table.ts';
import { parseValue } from './parse-value.ts';
import { quoted, type Where } from './problem.ts';
import { addNote, addProblem, type ConfigReading } from './reading.ts';
import type { Section, SectionValue } from './section.ts';
import { type MapTree, nameOfKind, type TextTree, type Tree } from './tree.ts';

interface OpenSection {
  readonly place: KeyPlace;
  readonly reading: ConfigReading;
  readonly values: Map<string, SectionValue>;
  readonly lists: Map<string, readonly SectionValue[]>;
  readonly blank: Map<string, readonly string[]>;
  readonly nested: Map<string, readonly MapTree[]>;
}

/** Checks each key of a map against the table of keys: known here, of the right shape, its value in range, not refused. */
export function readSection(map: MapTree, place: KeyPlace, reading: ConfigReading): Section {
  const empty = { values: new Map(), lists: new Map(), blank: new Map(), nested: new Map() };
  const section: OpenSection = { place, reading, ...empty };
  readEntries(map, '', section);
  const { values, lists, blank, nested } = section;
  return { where: map.where, values, lists, blank, nested };
}

function readEntries(map: MapTree, prefix: string, section: OpenSection): void {
  for (const [name, entry] of map.entries) {
    // Compose's convention: a place for anchors.
    if (section.place === 'top' && prefix === '' && name.startsWith('x-')) continue;
    const rules = rulesFor(prefix + name, section.place);
    if (rules.length === 0 || name.includes('.')) reportUnknownKey(name, prefix, entry.where, section);
    else readEntry(rules.find((rule) => fits(rule, entry.value)) ?? rules[0], entry.where, entry.value, section);
  }
}

function fits(rule: KeyRule, value: Tree): boolean {
  switch (rule.takes.kind) {
    case 'group':
    case 'map':
      return value.kind === 'map';
    case 'maps':
      return value.kind === 'list' && value.items.every((item) => item.kind === 'map');
    case 'texts':
      return value.kind === 'text' || (value.kind === 'list' && value.items.every((item) => item.kind === 'text'));
    default:
      return value.kind === 'text';
  }
}

function readEntry(rule: KeyRule | undefined, where: Where, value: Tree, section: OpenSection): void {
  if (rule === undefined) return;
  if (value.kind === 'nothing') {
    section.blank.set(rule.name, []);
    return;
  }
  if (!fits(rule, value)) {
    reportShape(rule, value, section);
    return;
  }
  if (rule.takes.kind === 'group' && value.kind === 'map') {
    if (value.entries.size === 0) section.blank.set(rule.name, []);
    readEntries(value, `${rule.name}.`, section);
    return;
  }
  if (rule.takes.kind === 'texts' && value.kind === 'list') {
    if (value.items.length === 0) section.blank.set(rule.name, []);
    for (const item of value.items) if (item.kind === 'text') readTextEntry(rule, item.where, item, section);
    return;
  }
  if (value.kind === 'text') readTextEntry(rule, where, value, section);
  else if (treat(rule, where, undefined, section)) {
    const items = value.kind === 'list' ? value.items : [value];
    section.nested.set(
      rule.name,
      items.filter((item) => item.kind === 'map'),
    );
  }
}

function readTextEntry(rule: KeyRule, where: Where, tree: TextTree, section: OpenSection): void {
  if (tree.text === '') {
    section.blank.set(rule.name, tree.empty);
    return;
  }
  const { takes } = rule;
  if (takes.kind === 'group' || takes.kind === 'map' || takes.kind === 'maps') return;
  const needs = tree.unset.join(', ');
  if (needs !== '' && !namesStore(rule, section.place)) {
    const hint = `set ${needs}, or write a default: \${${tree.unset[0]}:-default}`;
    addProblem(
      section.reading,
      tree.where,
      'CONFIG_ENVIRONMENT',
      `"${rule.name}" needs ${needs}, which is not set`,
      hint,
    );
    return;
  }
  const parsed = takes.kind === 'texts' ? ({ kind: 'value', value: tree.text } as const) : parseValue(takes, tree.text);
  if (parsed.kind === 'problem') {
    addProblem(section.reading, tree.where, 'CONFIG_VALUE', `"${rule.name}" ${parsed.problem}`, parsed.hint);
    return;
  }
  if (!treat(rule, where, parsed.value, section)) return;
  const { template, unset } = tree;
  const given = { value: parsed.value, template, where: tree.where, rule, unset };
  section.values.set(rule.name, given);
  if (takes.kind === 'texts') section.lists.set(rule.name, [...(section.lists.get(rule.name) ?? []), given]);
}

/** A replica whose bucket, URL or folder needs a variable that is not set is left out, not an error: its reader decides. */
function namesStore(rule: KeyRule, place: KeyPlace): boolean {
  return place !== 'database' && ['bucket', 'url', 'path'].includes(rule.name);
}

/** False if the key is refused. */
function treat(rule: KeyRule, where: Where, value: unknown, section: OpenSection): boolean {
  const { treatment } = rule;
  if (treatment.kind === 'refused') {
    if (treatment.except !== undefined && String(value) === treatment.except) return true;
    addProblem(section.reading, where, 'CONFIG_UNSUPPORTED', `"${rule.name}" is not supported`, treatment.hint);
    return false;
  }
  if (treatment.kind === 'noted') addNote(section.reading, treatment.level, where, `${rule.name}: ${treatment.note}`);
  return true;
}

const examples: Readonly<Record<string, string>> = {
  dbs: 'write "dbs:", then "  - path: /data/station.db" on the next line',
  replicas: 'write "replicas:", then "  - type: s3" on the next line, or "  - url: s3://bucket/path"',
  replica: 'write "replica:", then "  url: s3://bucket/path" on the next line',
  levels: 'write "levels:", then "  - interval: 30s" on the next line',
};

function reportShape(rule: KeyRule, value: Tree, section: OpenSection): void {
  const wanted = { group: 'a map of keys', map: 'a map of keys', maps: 'a list of maps', texts: 'a list of values' };
  const takes = rule.takes.kind;
  const wants = takes in wanted ? wanted[takes as keyof typeof wanted] : 'a single value';
  const wrong = value.kind === 'list' ? value.items.find((item) => item.kind !== 'map') : undefined;
  const what =
    takes === 'maps' && wrong !== undefined ? `has ${nameOfKind[wrong.kind]} in it` : `is ${nameOfKind[value.kind]}`;
  const at = takes === 'maps' ? (wrong ?? value) : value;
  const hint = examples[rule.name] ?? `write ${wants} after "${rule.name}:"`;
  addProblem(section.reading, at.where, 'CONFIG_VALUE', `"${rule.name}" takes ${wants}, and ${what}`, hint);
}

function reportUnknownKey(name: string, prefix: string, where: Where, section: OpenSection): void {
  const meant = closestName(name, namesIn(section.place, prefix));
  const elsewhere = keyTable.find((rule) => rule.name === name);
  const hint =
    elsewhere !== undefined && prefix === ''
      ? `"${name}" belongs ${belongs[elsewhere.places[0] ?? 'top']}; move it there`
      : meant === undefined
        ? 'remove it; docs/configuration.md lists every key'
        : `did you mean "${meant}"?`;
  // A key that looks like no key may be anything, a secret too.
  const shown = /^[A-Za-z][\w.-]{0,40}$/.test(name) ? quoted(name) : 'this';
  addProblem(section.reading, where, 'CONFIG_UNKNOWN_KEY', `${shown} is no key ${knownIn[section.place]}`, hint);
}

const belongs: Readonly<Record<KeyPlace, string>> = {
  top: 'at the top of the file',
  database: 'to a database, beside its "path"',
  replica: 'to a replica, under "replicas"',
  level: 'to an entry of "levels"',
};

const knownIn: Readonly<Record<KeyPlace, string>> = {
  top: 'of the file',
  database: 'of a database',
  replica: 'of a replica',
  level: 'of a level',
};
