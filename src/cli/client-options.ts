/** The options of every command that connects, spelled as OpenSSH spells them. */
import { type Command, Option } from 'commander';
import { CLIENT_KEYS } from './client-keys.ts';
import type { Verbosity } from './io.ts';
import { readSettings, type Settings } from './settings.ts';
import { notYet } from './usage.ts';

/** What commander makes of the options. */
export interface ClientFlags {
  readonly i?: readonly string[];
  readonly p?: string;
  readonly l?: string;
  readonly J?: string;
  readonly o?: readonly string[];
  readonly C?: boolean;
  readonly n?: boolean;
  readonly E?: string;
  readonly v?: number;
  readonly q?: boolean;
  readonly t?: boolean;
}

/** Adds the options to a command. Those that are not there yet are errors that say so. */
export function addClientOptions(command: Command): Command {
  return command
    .option('-i <key>', 'private key file, or .pub for the key of an agent (repeatable)', collect)
    .option('-p <port>', 'port, for hosts that do not say their own')
    .option('-l <user>', 'user, for hosts that do not say their own')
    .option('-F <config>', 'configuration file: only "none" is there yet', onlyNone)
    .option('-J <jump>', 'hosts to connect through, with commas between them')
    .addOption(later('-A'))
    .option('-C', 'compress')
    .option('-n', 'no stdin')
    .option('-t', 'ask for a terminal')
    .option('-v', 'tell more (up to four times: states, packets, their bytes)', more)
    .option('-E <file>', 'append what -v tells of connections to a file, with times')
    .option('-q', 'tell less')
    .option('-o <key=value>', "an option of OpenSSH's ssh_config (repeatable)", collect);
}

/** The settings that the options come to; a flag has its say before `-o`. */
export function clientSettings(flags: ClientFlags): Settings {
  const { i = [], p, l, J, C, t, o = [] } = flags;
  const fromFlags = [
    ...i.map((file) => `IdentityFile=${file}`),
    ...(p === undefined ? [] : [`Port=${p}`]),
    ...(l === undefined ? [] : [`User=${l}`]),
    ...(J === undefined ? [] : [`ProxyJump=${J}`]),
    ...(C === true ? ['Compression=yes'] : []),
    ...(t === true ? ['RequestTTY=yes'] : []),
  ];
  return readSettings([...fromFlags, ...o], CLIENT_KEYS);
}

/** How much to tell. */
export function verbosityOf({ q, v = 0, E }: Pick<ClientFlags, 'q' | 'v' | 'E'>): Verbosity {
  return { isQuiet: q === true, level: v, logFile: E };
}

/** For options that may be given more than once. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** For flags that may be given more than once. */
export function more(_: unknown, before = 0): number {
  return before + 1;
}

/** An option that is an error, and not shown. */
export function later(flags: string): Option {
  const name = flags.replace(/ .*$/, '');
  return new Option(flags).hideHelp().argParser(() => {
    throw notYet(name);
  });
}

function onlyNone(value: string): string {
  if (value !== 'none') throw notYet(`-F ${value}`);
  return value;
}
