import { Command, CommanderError, Option } from 'commander';
import { parseDuration } from '../config/duration.ts';
import { parseSize } from '../config/size.ts';
import { type ErrorCode, errorTable, isStationError, StationError } from '../errors.ts';
import type { Bytes, Milliseconds } from '../quantities.ts';
import type { OptionEntry } from './option-table.ts';
import type { InvokedAs } from './run-options.ts';
import { normalizeOptions } from './single-dash.ts';

type LookupVariable = (name: string) => string | undefined;

export interface ParseInput {
  readonly invokedAs: InvokedAs;
  readonly verb: string;
  /** What follows the verb. */
  readonly words: readonly string[];
  /** Commander's notation of the operands: `[command...]`. */
  readonly operands: string;
  /** True where operands are somebody else's command line. */
  readonly stopAtOperand: boolean;
  readonly lookup: LookupVariable;
}

/** Thrown when help was asked for: its text, for stdout. It is no error, but nothing else is to be done. */
class HelpRequested extends Error {
  override readonly name = 'HelpRequested';
}

/** The options given, as flag or else in the environment; each method says what a value must look like. */
export interface GivenOptions<Name extends string> {
  readonly operands: readonly string[];
  text(name: Name): string | undefined;
  choice<Choice extends string>(name: Name, choices: readonly Choice[]): Choice | undefined;
  /** A switch; in the environment `true`, `1`, `yes` or `false`, `0`, `no`. */
  switch(name: Name): boolean | undefined;
  duration(name: Name): Milliseconds | undefined;
  size(name: Name): Bytes | undefined;
  count(name: Name): number | undefined;
  /** What `parse` makes of it; `parse` throws USAGE, saying what is wrong with the text. */
  parsed<T>(name: Name, parse: (text: string) => T): T | undefined;
}

/** Throws USAGE for a wrong command line, CONFIG_ENVIRONMENT for a wrong variable, HelpRequested. */
export function parseOptions<Name extends string>(
  table: Readonly<Record<Name, OptionEntry>>,
  input: ParseInput,
): GivenOptions<Name> {
  const command = new Command(`${input.invokedAs} ${input.verb}`).argument(input.operands).exitOverride();
  if (input.stopAtOperand) command.passThroughOptions();
  const options = new Map<Name, Option>();
  for (const [name, entry] of Object.entries<OptionEntry>(table)) {
    const option = toOption(entry);
    options.set(name as Name, option);
    command.addOption(option);
  }
  readWords(command, [...options.values()], input);
  return readings(table, input.lookup, command, options);
}

function toOption({ flags, description, variable }: OptionEntry): Option {
  const option = new Option(flags, variable === undefined ? description : `${description} [${variable}]`);
  // Commander reads --no-x as "x is false"; ours are switches of their own.
  option.negate = false;
  return option;
}

function readWords(command: Command, options: readonly Option[], input: ParseInput): void {
  let help = '';
  command.configureOutput({ writeOut: (text) => (help += text), writeErr: () => {}, outputError: () => {} });
  const forms = options.map((option) => ({
    long: option.long ?? '',
    short: option.short,
    takesValue: option.required,
  }));
  const words = normalizeOptions(input.words, [...forms, { long: '--help', takesValue: false }], input.stopAtOperand);
  try {
    command.parse(words, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) throw new HelpRequested(help);
    if (!(error instanceof CommanderError)) throw error;
    const [message = ''] = error.message.replace(/^error: /, '').split('\n');
    throw new StationError('USAGE', message, {
      cause: error,
      hint: `run "${input.invokedAs} ${input.verb} --help" for the options`,
    });
  }
}

function readings<Name extends string>(
  table: Readonly<Record<Name, OptionEntry>>,
  lookup: LookupVariable,
  command: Command,
  options: ReadonlyMap<Name, Option>,
): GivenOptions<Name> {
  /** Reads the flag, else the variable, which counts as not given when it is empty. */
  function parsed<T>(name: Name, parse: (text: string) => T): T | undefined {
    const option = options.get(name);
    const flag: unknown = option === undefined ? undefined : command.getOptionValue(option.attributeName());
    const { variable } = table[name];
    const text = flag === undefined ? variable && lookup(variable) : String(flag);
    if (text === undefined || (text === '' && flag === undefined)) return undefined;
    try {
      return parse(text);
    } catch (cause) {
      if (!isStationError(cause, 'USAGE')) throw cause;
      const [code, source] =
        flag === undefined ? (['CONFIG_ENVIRONMENT', variable] as const) : (['USAGE', option?.long] as const);
      throw new StationError(code, `${source}: ${cause.message}`, { cause, hint: hintFor(cause, code) });
    }
  }
  function read<T>(name: Name, parse: (text: string) => T | undefined, expected: string): T | undefined {
    return parsed(name, (text) => {
      const value = parse(text);
      if (value === undefined) throw new StationError('USAGE', `"${text}" is not ${expected}`);
      return value;
    });
  }
  return {
    operands: command.args,
    text: (name) => read(name, (text) => (text === '' ? undefined : text), 'a value'),
    choice: (name, choices) =>
      read(name, (text) => choices.find((choice) => choice === text.toLowerCase()), `one of ${choices.join(', ')}`),
    switch: (name) => read(name, parseSwitch, 'true or false'),
    duration: (name) => read(name, positiveDuration, 'a duration such as 10s or 1m30s'),
    size: (name) => read(name, parseSize, 'a size such as 512MiB'),
    count: (name) => read(name, (text) => (/^[1-9]\d{0,4}$/.test(text) ? Number(text) : undefined), 'a number above 0'),
    parsed,
  };
}

/** The parser's own hint; where it has none, that of the place where the text stood. */
function hintFor(error: StationError, code: ErrorCode): string {
  return error.hint === errorTable.USAGE.hint ? errorTable[code].hint : error.hint;
}

function positiveDuration(text: string): Milliseconds | undefined {
  const duration = parseDuration(text);
  return duration !== undefined && duration > 0 ? duration : undefined;
}

function parseSwitch(text: string): boolean | undefined {
  if (/^(true|1|yes|on)$/i.test(text)) return true;
  return /^(false|0|no|off)$/i.test(text) ? false : undefined;
}
