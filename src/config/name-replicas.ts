import { addProblem, type ConfigReading } from './reading.ts';
import type { FoundReplica } from './replica-reading.ts';

/**
 * A unique name for each replica of a database, in the file's order: the given one, else the type, then `s3-2`, `s3-3`.
 * Replicas that are not configured take part, so that no name depends on which variables happen to be set.
 */
export function nameReplicas(found: readonly FoundReplica[], reading: ConfigReading): readonly string[] {
  const taken = new Set<string>();
  for (const { givenName } of found) {
    if (givenName === undefined) continue;
    const name = String(givenName.value);
    if (taken.has(name)) {
      const message = `"name" is given to two replicas: ${name}`;
      addProblem(reading, givenName.where, 'CONFIG_VALUE', message, 'give each replica a name of its own');
    }
    taken.add(name);
  }
  return found.map(({ givenName, baseName }) => {
    if (givenName !== undefined) return String(givenName.value);
    let name = baseName;
    for (let count = 2; taken.has(name); count++) name = `${baseName}-${count}`;
    taken.add(name);
    return name;
  });
}
