import type { DatabaseConfig, ReplicaType } from './config.ts';
import { addNote, addProblem, type ConfigReading } from './reading.ts';
import type { Section } from './section.ts';

const supported: ReadonlySet<ReplicaType> = new Set(['s3', 'gs', 'abs', 'file']);

/** A default at the top that no replica takes would be ignored in silence: it is named instead. */
export function reportUnusedDefaults(top: Section, databases: readonly DatabaseConfig[], reading: ConfigReading): void {
  const types = new Set<ReplicaType>();
  for (const { replicas, notConfigured } of databases) {
    for (const { store } of replicas) types.add(store.type);
    for (const { type } of notConfigured) types.add(type);
  }
  for (const [name, { rule, where }] of top.values) {
    if (rule.types === undefined || rule.types.some((type) => types.has(type))) continue;
    if (rule.types.some((type) => supported.has(type))) {
      addNote(reading, 'WARN', where, `${name}: no replica is of type ${rule.types.join(', ')}, so it applies to none`);
    } else {
      const message = `"${name}" belongs to replicas of type ${rule.types.join(', ')}, which are not supported`;
      addProblem(reading, where, 'CONFIG_UNSUPPORTED', message, 'remove it');
    }
  }
}
