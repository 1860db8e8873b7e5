import { parseEndpoint } from './endpoint.ts';
import { addProblem } from './reading.ts';
import type { ReplicaReading } from './replica-reading.ts';
import { find, type Section } from './section.ts';

/** The server's URL, where one is named; one that is none is a mistake. */
export function readEndpoint(sections: readonly Section[], { reading }: ReplicaReading): string | undefined {
  const given = find(sections, 'endpoint');
  if (given === undefined) return undefined;
  const endpoint = parseEndpoint(String(given.value));
  if (endpoint === undefined) {
    const hint = 'write https://host or http://host:port, without credentials or a query';
    addProblem(reading, given.where, 'CONFIG_VALUE', '"endpoint" is no address of a server', hint);
  }
  return endpoint;
}
