/** `rxssh shell`: a terminal on a host. */
import type { Command } from 'commander';
import {
  catchError,
  concat,
  concatMap,
  defer,
  EMPTY,
  fromEvent,
  ignoreElements,
  map,
  merge,
  mergeMap,
  type Observable,
  of,
  Subject,
  take,
  takeUntil,
  tap,
  throwError,
} from 'rxjs';
import {
  type ByteInput,
  isSshError,
  type PtyOptions,
  type SessionChannel,
  type ShellOptions,
  shellStatus,
  type SshClient,
  toByteStream,
  type WindowSize,
  withClient,
} from '../node.ts';
import {
  addClientOptions,
  type ClientFlags,
  clientSettings,
  verbosityOf,
} from './client-options.ts';
import { connector, namedHost } from './client-setup.ts';
import { escapeCharacter, type EscapeCommand, escapeHelp, escapes } from './escapes.ts';
import { type CliIo, Messages } from './io.ts';
import { inRawMode, type RawMode } from './raw-mode.ts';
import { environment, terminalOf, wantsTerminal } from './session-settings.ts';
import { FAILURE_STATUS } from './usage.ts';
import { whenWritten, Writer } from './writer.ts';

/** What commander makes of the options. */
export interface ShellFlags extends ClientFlags {
  readonly e?: string;
  readonly T?: boolean;
}

/** What Debian's ssh sends: without it programs there do not know which characters are typed here. */
const LANGUAGE = ['LANG', 'LC_*'];
const TILDE = 0x7e;

/** Describes the command. */
export function shellCommand(command: Command): Command {
  return addClientOptions(
    command
      .description('a terminal on a host')
      .usage('[options] HOST')
      .argument('<host>', '[user@]host[:port], or ssh://…'),
  )
    .option('-e <char>', 'escape character, ^LETTER, or none; ~ by default')
    .option('-T', 'ask for no terminal');
}

/**
 * Runs it. Cold: emits the exit status of the shell, and completes. Throws a `UsageError` before anything is done.
 *
 * @param command - what runs in place of the shell: vi, or a program that asks
 */
export function runShell(
  name: string,
  flags: ShellFlags,
  io: CliIo,
  command?: string,
): Observable<number> {
  const { e, T, o = [] } = flags;
  const first = [
    ...(e === undefined ? [] : [`EscapeChar=${e}`]),
    ...(T === true ? ['RequestTTY=no'] : []),
  ];
  const settings = clientSettings({ ...flags, o: [...first, ...o] });
  const host = namedHost(name);
  const isRaw = (): boolean => io.stdin.isRaw === true;
  const messages = new Messages(io.stderr, verbosityOf(flags), isRaw);
  const connectTo = connector(settings, io, messages);
  const isPerson = io.stdin.isTTY === true && flags.n !== true;
  const hasTerminal = wantsTerminal(settings, isPerson);
  const escape = settings.first('EscapeChar', escapeCharacter) ?? TILDE;
  const options = {
    pty: hasTerminal && terminalOf(io),
    env: environment(settings, io, hasTerminal ? LANGUAGE : []),
  };
  const input = flags.n === true ? EMPTY : io.stdin;
  return defer(() => {
    const stdout = new Writer(io.stdout);
    const stderr = new Writer(io.stderr);
    return connectTo(host).pipe(
      withClient((client) =>
        started(client, options, command).pipe(
          withClient((session) => {
            const ends = { client, session, io, stdout, stderr, messages };
            if (!hasTerminal || !isPerson) return plain(ends, input);
            return inRawMode(io.stdin, (mode) => personal(ends, escape, mode));
          }),
        ),
      ),
      whenWritten(stdout, stderr),
    );
  });
}

function started(
  client: SshClient,
  options: ShellOptions & { readonly pty: PtyOptions | false },
  command: string | undefined,
): Observable<SessionChannel> {
  if (command === undefined) return client.shell(options);
  const { pty, env = {} } = options;
  return client.session().pipe(
    concatMap((session) => {
      for (const [name, value] of Object.entries(env)) session.setEnv(name, value);
      const terminal$ = pty === false ? EMPTY : session.requestPty(pty);
      return concat(terminal$, session.exec(command), of(session));
    }),
  );
}

/** Both ends of a dialogue. */
interface Ends {
  readonly client: SshClient;
  readonly session: SessionChannel;
  readonly io: CliIo;
  readonly stdout: Writer;
  readonly stderr: Writer;
  readonly messages: Messages;
}

/** Bytes there and back: emits the status when the shell has ended. */
function plain({ session, stdout, stderr }: Ends, input: ByteInput): Observable<number> {
  const shown$ = session.output$.pipe(
    tap(({ type, data }) => (type === 'stdout' ? stdout : stderr).write(data)),
    ignoreElements(),
  );
  const fed$ = session.stdin.pump(input).pipe(
    ignoreElements(),
    // a shell that ends before it has read everything
    catchError((error: unknown) =>
      isSshError(error, 'released') ? EMPTY : throwError(() => error),
    ),
    takeUntil(session.unread$),
  );
  return merge(concat(shown$, session.exit$.pipe(map(shellStatus))), fed$).pipe(take(1));
}

/** The same with a person at the keys, who may resize the window and talk to the program itself. */
function personal(ends: Ends, escape: number | 'none', mode: RawMode): Observable<number> {
  return defer(() => {
    const { session, io } = ends;
    const commands = new Subject<EscapeCommand>();
    // the end of the input does not close it: the terminal has to be restored first
    const typed$ = toByteStream(io.stdin.iterator({ destroyOnReturn: false }));
    const input$ =
      escape === 'none'
        ? typed$
        : typed$.pipe(escapes(escape, (command) => commands.next(command)));
    const resized$ = fromEvent(io.stdout, 'resize').pipe(
      tap(() => session.resize(sizeOf(io.stdout))),
      ignoreElements(),
    );
    const obeyed$ = commands.pipe(mergeMap((command) => obey(command, ends, escape, mode)));
    return merge(obeyed$, resized$, plain(ends, input$)).pipe(take(1));
  });
}

/** Emits a status when the session is over with that. What the server refuses is no reason to end. */
function obey(
  command: EscapeCommand,
  { client, session, stdout, messages }: Ends,
  escape: number | 'none',
  mode: RawMode,
): Observable<number> {
  switch (command) {
    case 'disconnect':
      // the shell's prompt is still there, and what follows is another one's
      stdout.write('\r\n');
      messages.notice('the connection was ended');
      return of(FAILURE_STATUS);
    case 'suspend':
      mode.suspend();
      return EMPTY;
    case 'break':
      return session.sendBreak().pipe(catchError(() => EMPTY));
    case 'rekey':
      return client.rekey();
    case 'help':
      if (escape !== 'none') stdout.write(escapeHelp(escape));
      return EMPTY;
  }
}

function sizeOf({ columns = 80, rows = 24 }: CliIo['stdout']): WindowSize {
  return { columns, rows, widthPixels: 0, heightPixels: 0 };
}
