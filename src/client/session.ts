/** The client's side of a session channel (RFC 4254 §6). */
import {
  AsyncSubject,
  concatMap,
  defer,
  Observable,
  of,
  ReplaySubject,
  retry,
  type RetryConfig,
  throwError,
  timer,
} from 'rxjs';
import { TEXTS } from '../auth/option-kinds.ts';
import type { Channel } from '../channels/channel.ts';
import type { ChannelOptions, ChannelRequest } from '../channels/channel-options.ts';
import type { SshConnection } from '../channels/connection.ts';
import type { ChannelOutput } from '../channels/backlog.ts';
import { escapeText, type Exit, isSshError, SshError } from '../errors.ts';
import {
  breakRequest,
  env,
  exec,
  exitSignal,
  exitStatus,
  ptyReq,
  signal,
  subsystem,
  windowChange,
  type WindowSize,
  xonXoff,
} from '../messages/channel-requests.ts';
import { encodeTerminalModes, type TerminalModes } from '../messages/terminal-modes.ts';
import type { ByteStream } from '../streams/byte-duplex.ts';
import type { ByteSink } from '../streams/byte-sink.ts';
import { asSshError } from '../streams/ending.ts';
import { utf8Bytes } from '../wire/bytes.ts';
import { type Command, commandLine } from './quote.ts';

/** A terminal to ask for (RFC 4254 §6.2). */
export interface PtyOptions {
  /** Value of TERM; `xterm-256color` by default. */
  readonly term?: string;
  /** Characters; 80 by 24 by default. */
  readonly columns?: number;
  readonly rows?: number;
  /** Pixels; 0, which is unknown, by default. */
  readonly widthPixels?: number;
  readonly heightPixels?: number;
  /** Opcode → value (RFC 4254 §8). */
  readonly modes?: TerminalModes;
}

/** OpenSSH's half of EOF: the command has closed its input, and only its output goes on (OpenSSH PROTOCOL 2.1). */
export const END_OF_WRITE = 'eow@openssh.com';

/** Milliseconds before a session that is refused in place of one that has just ended is asked for again: at once, and then not so soon. */
const REOPENING_PAUSES = [0, 50, 200];
/** Milliseconds in which a server should know that a session has ended. */
const FREEING_TIME = 1000;

/** Opcodes are bytes, so a name needs no table here: `SIGINT` is sent as `INT`. */
const SIGNAL_PREFIX = /^SIG/;

/**
 * A session channel: run one command, shell or subsystem on it. Its streams are hot and wait for their first subscriber;
 * everything it acquires is let go when the Observable that emitted it is unsubscribed.
 */
export class SessionChannel {
  /** The channel underneath: for requests of your own. */
  readonly channel: Channel;
  /** Output of the command. */
  readonly stdout$: ByteStream;
  readonly stderr$: ByteStream;
  /** Both in the order of arrival; instead of the two. */
  readonly output$: Observable<ChannelOutput>;
  /** Input of the command. */
  readonly stdin: ByteSink;
  /**
   * How it ended: one value when the server says it, or `missing` when the channel closes without; errors with what ended the
   * connection. Replayed.
   */
  readonly exit$: Observable<Exit>;
  /** Emits once when the command reads no more of its input (`eow@openssh.com`, OpenSSH PROTOCOL 2.1). Replayed. */
  readonly unread$: Observable<void>;
  /**
   * May the client stop output itself at Ctrl-S and go on at Ctrl-Q, and not send them (RFC 4254 §6.8)? Emits when the server tells;
   * nothing means no. The last one is replayed; completes when the channel is over.
   */
  readonly flowControl$: Observable<boolean>;
  /** Emits once when the channel is over; the error when it was the connection that ended. Replayed. */
  readonly closed$: Observable<SshError | undefined>;

  constructor(channel: Channel, told: Pick<SessionChannel, 'exit$' | 'unread$' | 'flowControl$'>) {
    this.channel = channel;
    this.stdout$ = channel.stdout$;
    this.stderr$ = channel.stderr$;
    this.output$ = channel.output$;
    this.stdin = channel.stdin;
    this.exit$ = told.exit$;
    this.unread$ = told.unread$;
    this.flowControl$ = told.flowControl$;
    this.closed$ = channel.closed$;
  }

  /** Asks for a terminal. Completes when the server has granted it; errors with `request-refused`, `config`. */
  requestPty(options: PtyOptions = {}): Observable<never> {
    return defer(() => this.channel.request('pty-req', ptyPayload(options)));
  }

  /** Sets a variable of the environment; servers pass over those they do not allow, so nothing is waited for. Throws `config` for a NUL. */
  setEnv(name: string, value: string): void {
    checkText('env', name, value);
    this.channel.notify('env', env.encode({ name, value }));
  }

  /** Runs a command (RFC 4254 §6.5). Completes when the server has started it; errors with `request-refused`, `config`. */
  exec(command: Command): Observable<never> {
    return defer(() => {
      const payload = exec.encode({ command: utf8Bytes(commandLine(command)) });
      return this.channel.request('exec', payload);
    });
  }

  /** Runs the user's shell. */
  shell(): Observable<never> {
    return this.channel.request('shell');
  }

  /** Starts a subsystem by name, such as `sftp`. Errors with `request-refused`, `config`. */
  subsystem(name: string): Observable<never> {
    return defer(() => {
      checkText('subsystem', name);
      return this.channel.request('subsystem', subsystem.encode({ name }));
    });
  }

  /** The terminal has another size now (RFC 4254 §6.7). Throws `config` for what is no size. */
  resize({ columns, rows, widthPixels, heightPixels }: WindowSize): void {
    const size = { columns, rows, widthPixels, heightPixels };
    checkNumbers(size);
    this.channel.notify('window-change', windowChange.encode(size));
  }

  /** Sends a signal by its name, `TERM` or `SIGTERM` (RFC 4254 §6.9). Throws `config` for a NUL. */
  signal(name: string): void {
    checkText('signal', name);
    this.channel.notify('signal', signal.encode({ name: name.replace(SIGNAL_PREFIX, '') }));
  }

  /** Sends a break (RFC 4335), of so many milliseconds or of the server's own length. Errors with `request-refused`, `config`. */
  sendBreak(milliseconds = 0): Observable<never> {
    return defer(() => {
      checkNumbers({ milliseconds });
      return this.channel.request('break', breakRequest.encode({ length: milliseconds }));
    });
  }

  /** Says that no more input comes. */
  end(): void {
    this.channel.end();
  }

  /** Closes the channel. */
  close(): void {
    this.channel.close();
  }
}

const MAX_UINT32 = 0xffff_ffff;

/** A number that does not fit would arrive as another one. */
function checkNumbers(numbers: Readonly<Record<string, number>>): void {
  for (const [option, number] of Object.entries(numbers)) {
    if (Number.isInteger(number) && number >= 0 && number <= MAX_UINT32) continue;
    throw new SshError('config', `${option} is not a number from 0 to 2^32-1`, { option });
  }
}

/** sshd ends the whole connection at a NUL, with all that others do on it. */
function checkText(option: string, ...texts: readonly string[]): void {
  if (!TEXTS.fits(texts)) throw new SshError('config', `${option} is not a text`, { option });
  if (texts.some((text) => text.includes('\0')))
    throw new SshError('config', `${option} cannot hold a NUL character`, { option });
}

function ptyPayload({
  term = 'xterm-256color',
  columns = 80,
  rows = 24,
  widthPixels = 0,
  heightPixels = 0,
  modes = new Map(),
}: PtyOptions): Uint8Array {
  checkText('term', term);
  const size = { columns, rows, widthPixels, heightPixels };
  checkNumbers(size);
  return ptyReq.encode({ term, ...size, terminalModes: encodeTerminalModes(modes) });
}

/**
 * Opens a session channel. Emits it once and completes when it is closed; unsubscribing closes it. Errors like
 * `SshConnection.openChannel`.
 */
export function openSession(
  connection: SshConnection,
  options: ChannelOptions = {},
): Observable<SessionChannel> {
  return new Observable((subscriber) => {
    const exit$ = new AsyncSubject<Exit>();
    const unread$ = new AsyncSubject<void>();
    const flowControl$ = new ReplaySubject<boolean>(1);
    const hear = (told: SessionRequest): void => {
      if (told.type === 'flow-control') {
        flowControl$.next(told.clientCanDo);
      } else if (told.type === 'end-of-write') {
        unread$.next();
        unread$.complete();
      } else {
        // the first one counts
        exit$.next(told.exit);
        exit$.complete();
      }
    };
    const onRequest = (
      request: ChannelRequest,
    ): ReturnType<NonNullable<ChannelOptions['onRequest']>> => {
      const told = readRequestOr((error) => connection.transport.fail(error), request);
      if (told === undefined) return options.onRequest?.(request) ?? false;
      hear(told);
      return true;
    };
    const settle = (error: SshError | undefined): void => {
      flowControl$.complete();
      if (error !== undefined) exit$.error(error);
      exit$.next({ kind: 'missing' });
      exit$.complete();
    };
    const open = (channel: Channel): void => {
      // eslint-disable-next-line rxjs-x/no-ignored-subscription -- whoever keeps exit$ is owed an answer; a channel always closes
      channel.closed$.subscribe(settle);
      subscriber.next(new SessionChannel(channel, { exit$, unread$, flowControl$ }));
    };
    const channel$ = connection.openChannel('session', undefined, { ...options, onRequest });
    return channel$.pipe(retry(whenFreedLate(connection))).subscribe({
      next: open,
      error: (error: unknown) => subscriber.error(error),
      complete: () => subscriber.complete(),
    });
  });
}

/**
 * A session that is opened in place of one that has just ended may find it still counted: sshd frees none before it has worked through
 * all the packets that came with its CLOSE. Nothing was run, so it is asked again.
 */
function whenFreedLate(connection: SshConnection): RetryConfig {
  return {
    delay: (error: unknown, count) => {
      const pause = REOPENING_PAUSES[count - 1];
      const isLate = isSshError(error, 'channel-open') && connection.sinceClosed < FREEING_TIME;
      if (!isLate || pause === undefined) return throwError(() => error);
      return pause === 0 ? of(true) : timer(pause, connection.transport.scheduler);
    },
  };
}

/**
 * How a session has ended, told when its channel is closed: what comes behind the exit status is still its output. Errors with
 * what ended the connection.
 */
export function exitWhenClosed({ closed$, exit$ }: SessionChannel): Observable<Exit> {
  return closed$.pipe(
    concatMap((error) => (error === undefined ? exit$ : throwError(() => error))),
  );
}

/** A request of the server that a session knows. */
type SessionRequest =
  | { readonly type: 'exit'; readonly exit: Exit }
  | { readonly type: 'flow-control'; readonly clientCanDo: boolean }
  | { readonly type: 'end-of-write' };

/** A payload that is too short is the end of the connection: what a handler throws would only refuse the request. */
function readRequestOr(
  failed: (error: SshError) => void,
  request: ChannelRequest,
): SessionRequest | undefined {
  try {
    return readRequest(request);
  } catch (thrown) {
    failed(asSshError(thrown));
    return undefined;
  }
}

/** RFC 4254 §6.8 and §6.10. Throws `protocol` for a payload that is too short. */
function readRequest({ type, payload }: ChannelRequest): SessionRequest | undefined {
  switch (type) {
    case END_OF_WRITE:
      return { type: 'end-of-write' };
    case 'xon-xoff':
      return { type: 'flow-control', ...xonXoff.decode(payload) };
    case 'exit-status':
      return { type: 'exit', exit: { kind: 'status', status: exitStatus.decode(payload).status } };
    case 'exit-signal':
      return { type: 'exit', exit: readExitSignal(payload) };
    default:
      return undefined;
  }
}

function readExitSignal(payload: Uint8Array): Exit {
  const decoded = exitSignal.decode(payload);
  return {
    kind: 'signal',
    signal: escapeText(decoded.signal, 64),
    coreDumped: decoded.coreDumped,
    errorMessage: escapeText(decoded.errorMessage),
  };
}
