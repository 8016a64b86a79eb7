/** `rxssh exec`: a command on one host or many. */
import type { Command } from 'commander';
import {
  connect as among,
  defer,
  EMPTY,
  filter,
  finalize,
  ignoreElements,
  map,
  merge,
  type MonoTypeOperatorFunction,
  type Observable,
  takeWhile,
  tap,
} from 'rxjs';
import {
  exec,
  type ExecEvent,
  type ExecOptions,
  fanOut,
  type FanOutOptions,
  type FleetEvent,
  gather,
  SshError,
  summary,
} from '../node.ts';
import {
  addClientOptions,
  type ClientFlags,
  clientSettings,
  verbosityOf,
} from './client-options.ts';
import { connector, type NamedHost } from './client-setup.ts';
import { type ExecView, gathered, passThrough, prefixed, type ViewParts } from './exec-view.ts';
import { readHosts } from './hosts.ts';
import { type CliIo, Messages } from './io.ts';
import { json } from './json-view.ts';
import { Progress } from './progress.ts';
import { environment, terminalOf, wantsTerminal } from './session-settings.ts';
import { runShell } from './shell.ts';
import type { Settings } from './settings.ts';
import type { Prompter } from './terminal.ts';
import { UsageError } from './usage.ts';
import { integer, seconds } from './values.ts';
import { whenWritten, Writer } from './writer.ts';

const MAX_CONCURRENCY = 100_000;
const MAX_RETRIES = 1_000;
/** Bytes of each host that `--gather` keeps. */
const MOST_GATHERED = 1024 * 1024;

/** What commander makes of the options. */
export interface ExecFlags extends ClientFlags {
  readonly hosts?: string;
  readonly concurrency?: string;
  readonly timeout?: string;
  readonly retries?: string;
  readonly json?: boolean;
  readonly gather?: boolean;
  readonly failFast?: boolean;
}

/** What is said of a command line without its command. */
export const NO_COMMAND = 'no command: write it behind --';

/** Describes the command. */
export function execCommand(command: Command): Command {
  return addClientOptions(
    command
      .description('run a command on one or many hosts')
      .usage('[options] HOST... -- COMMAND [ARG...]')
      .argument('[host...]', '[user@]host[:port], ssh://…, or a range such as web[01-20]'),
  )
    .option('--hosts <file>', 'hosts, one a line')
    .option('--concurrency <n>', 'hosts at a time; 32 by default')
    .option('--timeout <seconds>', 'for each host')
    .option('--retries <n>', 'of what failed before the command was requested')
    .option('--json', 'one event a line')
    .option('--gather', 'equal outputs once')
    .option('--fail-fast', 'the first failure ends all');
}

/**
 * Runs it. Cold: emits the exit status, and completes. Throws a `UsageError` before anything is done.
 *
 * @param words - the command: joined with blanks, as `ssh` does
 */
export function runExec(
  names: readonly string[],
  command: readonly string[],
  flags: ExecFlags,
  io: CliIo,
): Observable<number> {
  if (command.length === 0) throw new UsageError(NO_COMMAND);
  if (flags.json === true && flags.gather === true)
    throw new UsageError('--json and --gather exclude each other');
  const hosts = readHosts(names, flags.hosts);
  const settings = clientSettings(flags);
  const [host] = hosts;
  if (host !== undefined && hosts.length === 1 && hasPerson(flags, settings, io))
    return runShell(host.name, flags, io, command.join(' '));
  const messages = new Messages(io.stderr, verbosityOf(flags));
  const connectTo = connector(settings, withRoomForQuestions(io, messages), messages);
  const options = execOptions(settings, io);
  const isFleet = hosts.length > 1;
  const stdin = hasInput(flags, io) ? io.stdin : undefined;
  return defer(() => {
    const event$ = fanOut(
      hosts,
      (host, { stdin$ }) => {
        // one host takes its input as it comes; many share it
        const input = isFleet ? stdin$ : stdin;
        const more = stdin === undefined || input === undefined ? {} : { stdin: input };
        const output$ = connectTo(host).pipe(exec(command.join(' '), { ...options, ...more }));
        return flags.gather === true ? output$.pipe(gatherable()) : output$;
      },
      {
        ...fleetOptions(flags),
        ...(isFleet && stdin !== undefined ? { stdin } : {}),
      },
    );
    const limited$ = flags.failFast === true ? event$.pipe(untilFailure()) : event$;
    return showAll(limited$, flags, hosts, io, messages);
  });
}

/** What is more than can be gathered is not shown, so the host is an error, when its command has ended: half must not look whole. */
function gatherable(): MonoTypeOperatorFunction<ExecEvent> {
  return (source) =>
    defer(() => {
      let left = MOST_GATHERED;
      return source.pipe(
        filter((event) => {
          if (event.type !== 'exit') left -= event.data.length;
          else if (left < 0) throw tooMuch();
          return left >= 0;
        }),
      );
    });
}

function tooMuch(): SshError<'overflow'> {
  const message = `more than ${String(MOST_GATHERED)} bytes of output, of which the first are shown`;
  return new SshError('overflow', message, { what: 'gathered output', limit: MOST_GATHERED });
}

function fleetOptions(flags: ExecFlags): FanOutOptions<NamedHost> {
  const { timeout } = flags;
  return {
    label: ({ name }) => name,
    concurrency: integer('--concurrency', flags.concurrency ?? '32', 1, MAX_CONCURRENCY),
    retries: integer('--retries', flags.retries ?? '0', 0, MAX_RETRIES),
    ...(timeout === undefined ? {} : { timeout: seconds('--timeout', timeout) }),
  };
}

/** The line of progress makes room for questions. */
function withRoomForQuestions(io: CliIo, messages: Messages): CliIo {
  const { terminal } = io;
  if (terminal === undefined) return io;
  const ask: Prompter['ask'] = (question, options) =>
    defer(() => {
      const resume = messages.pause();
      return terminal.ask(question, options).pipe(finalize(resume));
    });
  return { ...io, terminal: { ask, close: () => terminal.close() } };
}

/** With `-t` the keys of the terminal here are the command's, as with `ssh -t`. */
function hasPerson(flags: ExecFlags, settings: Settings, { stdin }: CliIo): boolean {
  const { n, json, gather, timeout, retries } = flags;
  const isPlain = [n, json, gather, timeout, retries].every((flag) => flag === undefined);
  return isPlain && stdin.isTTY === true && wantsTerminal(settings, false);
}

/** A person's terminal is left alone otherwise: many commands cannot share it. */
function hasInput(flags: ExecFlags, { stdin }: CliIo): boolean {
  return flags.n !== true && stdin.isTTY !== true;
}

function execOptions(settings: Settings, io: CliIo): ExecOptions {
  return {
    env: environment(settings, io),
    ...(wantsTerminal(settings, false) ? { pty: terminalOf(io) } : {}),
  };
}

/** Ends behind the first host that did not end with status 0; unsubscribing the others ends their commands. */
function untilFailure(): (
  source: Observable<FleetEvent<NamedHost>>,
) => Observable<FleetEvent<NamedHost>> {
  return (source) =>
    defer(() => {
      const failed = new Set<number>();
      return source.pipe(
        tap(({ index, event }) => {
          const isGood =
            event.type === 'exit' && event.exit.kind === 'status' && event.exit.status === 0;
          if (event.type === 'error' || (event.type === 'exit' && !isGood)) failed.add(index);
        }),
        takeWhile(({ index, event }) => event.type !== 'done' || !failed.has(index), true),
      );
    });
}

/** Shows events as they come, and emits the exit status when all is written, or when nobody reads it any more. */
function showAll(
  event$: Observable<FleetEvent<NamedHost>>,
  flags: ExecFlags,
  hosts: readonly NamedHost[],
  io: CliIo,
  messages: Messages,
): Observable<number> {
  const stdout = new Writer(io.stdout);
  const stderr = new Writer(io.stderr);
  const isFleet = hosts.length > 1;
  const view = viewOf(flags, { stdout, stderr, messages, isFleet });
  const progress = progressOf(flags, hosts, io, messages);
  const status$ = event$.pipe(
    tap((event) => {
      view.show(event);
      progress?.see(event);
    }),
    among((shared$) => merge(groupsOf(shared$, view), shared$.pipe(summary()))),
    tap((total) => {
      progress?.end();
      view.end(total);
    }),
    map(({ largestStatus }) => largestStatus),
    finalize(() => progress?.end()),
  );
  return status$.pipe(whenWritten(stdout, stderr));
}

function groupsOf(event$: Observable<FleetEvent>, view: ExecView): Observable<never> {
  if (view.group === undefined) return EMPTY;
  return event$.pipe(
    gather({ maxBytes: MOST_GATHERED }),
    tap((group) => view.group?.(group)),
    ignoreElements(),
  );
}

function progressOf(
  { json: isJson, q }: ExecFlags,
  { length }: readonly NamedHost[],
  { stderr }: CliIo,
  messages: Messages,
): Progress | undefined {
  if (length < 2 || stderr.isTTY !== true || isJson === true || q === true) return undefined;
  return new Progress(stderr, length, messages);
}

function viewOf(flags: ExecFlags, parts: ViewParts): ExecView {
  if (flags.json === true) return json(parts.stdout);
  if (flags.gather === true) return gathered(parts);
  return parts.isFleet ? prefixed(parts) : passThrough(parts);
}
