import { StationError } from '../errors.ts';
import { forwardedSignals } from './signals.ts';

/** What the child gets in place of a signal; a signal that is not in it is passed on as it came. */
export type SignalMap = ReadonlyMap<NodeJS.Signals, NodeJS.Signals>;

export const unchangedSignals: SignalMap = new Map();

const example = 'TERM=INT,HUP=USR1';
/** Signals that a child can be sent and that we cannot receive. */
const onlyForTheChild: readonly NodeJS.Signals[] = ['SIGKILL', 'SIGSTOP', 'SIGABRT'];

/**
 * Reads `TERM=INT,HUP=USR1`; `:`, `->` and `→` do for `=`, names may have their SIG or not, in any case. Only what the
 * child gets is rewritten: SIGTERM still asks this program to stop.
 *
 * Throws USAGE for a name that is no signal, one that cannot be received, or one that is mapped twice.
 */
export function parseSignalMap(text: string): SignalMap {
  const map = new Map<NodeJS.Signals, NodeJS.Signals>();
  for (const pair of text.split(',').map((part) => part.trim())) {
    if (pair === '') continue;
    const [from, to, ...more] = pair.split(/\s*(?:=|:|->|→)\s*/);
    if (from === undefined || to === undefined || more.length > 0) throw usage(`"${pair}" is not FROM=TO`);
    const received = named(from, forwardedSignals);
    if (received === undefined) throw usage(`"${from}" is not a signal that is passed on`);
    const sent = named(to, [...forwardedSignals, ...onlyForTheChild]);
    if (sent === undefined) throw usage(`"${to}" is not a signal that can be sent`);
    if (map.has(received)) throw usage(`${received} is mapped twice`);
    map.set(received, sent);
  }
  return map;
}

export function mapSignal(map: SignalMap, signal: NodeJS.Signals): NodeJS.Signals {
  return map.get(signal) ?? signal;
}

function named(text: string, among: readonly NodeJS.Signals[]): NodeJS.Signals | undefined {
  const name = `SIG${text.toUpperCase().replace(/^SIG/, '')}`;
  return among.find((signal) => signal === name);
}

function usage(what: string): StationError {
  return new StationError('USAGE', what, {
    hint: `write pairs such as ${example}; docs/commands.md lists the signals`,
  });
}
