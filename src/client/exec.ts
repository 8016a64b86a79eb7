/** Running a command: everything that comes of it in one stream. */
import { concat, defer, ignoreElements, Observable, Subscription, takeUntil, tap } from 'rxjs';
import type { ChannelOptions } from '../channels/channel-options.ts';
import type { SshConnection } from '../channels/connection.ts';
import type { ChannelOutput } from '../channels/backlog.ts';
import { type Exit, isSshError, SshError } from '../errors.ts';
import { abortableBy } from '../operators/abortable.ts';
import { isHeld, outsideDelivery } from '../operators/credit.ts';
import { type ByteInput, toByteStream } from '../operators/to-byte-stream.ts';
import type { ByteStream } from '../streams/byte-duplex.ts';
import { asSshError } from '../streams/ending.ts';
import { weigh } from '../wire/ballast.ts';
import { exitWhenClosed, openSession, type PtyOptions, type SessionChannel } from './session.ts';
import { type Command, commandLine } from './quote.ts';

/** What a command tells, in the order of arrival; the exit comes last. */
export type ExecEvent = ChannelOutput | { readonly type: 'exit'; readonly exit: Exit };

/** How a command is run. */
export interface ExecOptions extends Pick<ChannelOptions, 'window' | 'budget'> {
  /**
   * Input of the command; without it the command reads an empty one. It is subscribed to when the server has started the command:
   * what a hot source (a `Subject`) emits before that is lost, so let it be a `ReplaySubject`, or wait for the first output.
   */
  readonly stdin?: ByteInput;
  /** Variables of the environment, as far as the server allows them. */
  readonly env?: Readonly<Record<string, string>>;
  /** Ask for a terminal; stdout and stderr then come as one. */
  readonly pty?: boolean | PtyOptions;
  /**
   * What unsubscribing from a running command does: signal TERM, or KILL, and then EOF and CLOSE, or CLOSE alone. A source of
   * stdin that errors does the same, without EOF. What that
   * means to the command is the server's business: OpenSSH passes the signals on (since 7.9), and leaves a process without a
   * terminal alive on a mere CLOSE.
   */
  readonly onUnsubscribe?: 'term' | 'kill' | 'close';
  /** Ends the command as unsubscribing does, with the error `aborted`. */
  readonly signal?: AbortSignal;
}

/**
 * Runs a command on a connection. Cold: each subscription runs it once. Emits output as it arrives and the exit last, and
 * completes; that is not an error whatever the exit. Errors with `channel-open`, `request-refused`, `timeout`, `config`, what the
 * source of stdin errors with, or what ended the connection. Once the command was requested, no error is `transient`.
 * Unsubscribing ends the command, see `onUnsubscribe`.
 */
export function runCommand(
  connection: SshConnection,
  command: Command,
  options: ExecOptions = {},
): Observable<ExecEvent> {
  const { stdin } = options;
  const stdin$ = stdin === undefined ? undefined : toByteStream(stdin);
  const event$ = new Observable<ExecEvent>((out) => {
    const line = attempt(() => commandLine(command), out);
    if (line === undefined) return;
    const running = new Subscription();
    let session: SessionChannel | undefined;
    // before the channel's own subscription, so that the signal leaves before CLOSE
    out.add(() => {
      if (session?.channel.isOpen === true) terminate(session, options.onUnsubscribe);
      running.unsubscribe();
    });
    const opening = openSession(connection, channelOptions(options)).subscribe({
      next: (opened) => {
        session = opened;
        const following = attempt(() => follow(opened, line, stdin$, options, out), out);
        if (following === undefined) return;
        running.add(following);
        if (stdin$ === undefined && !options.pty && takesEarlyEof(connection)) opened.end();
      },
      error: (error: unknown) => out.error(error),
    });
    out.add(opening);
  });
  return event$.pipe(abortableBy(options.signal));
}

/**
 * To some servers the end of an empty input can be said in one write with the command, which spares them a turn. The others are
 * told behind their answer: Dropbear takes an early EOF for the end of the channel.
 */
function takesEarlyEof({ transport }: SshConnection): boolean {
  return transport.handshake.peerIdentification.startsWith('SSH-2.0-OpenSSH_');
}

/** Sends the requests, feeds stdin, and passes on what comes. */
function follow(
  session: SessionChannel,
  line: string,
  stdin$: ByteStream | undefined,
  options: ExecOptions,
  out: { next(event: ExecEvent): void; error(error: unknown): void; complete(): void },
): Subscription {
  const all = new Subscription();
  let isRequested = false;
  const fail = (error: unknown): void => out.error(isRequested ? final(error) : error);
  const exec = defer(() => {
    isRequested = true;
    return session.exec(line);
  });
  for (const [name, value] of Object.entries(options.env ?? {})) session.setEnv(name, value);
  const { pty } = options;
  const requests =
    pty === undefined || pty === false
      ? exec
      : concat(session.requestPty(pty === true ? {} : pty), exec);
  const feed = (): void => {
    if (stdin$ === undefined) {
      session.end();
      return;
    }
    let broken: { readonly error: unknown } | undefined;
    const input$ = stdin$.pipe(
      tap({
        error: (error: unknown) => {
          broken = { error };
          // a server may end the command's input at CLOSE: the command must not take half of it for the whole
          signalEnd(session, options.onUnsubscribe);
        },
      }),
    );
    const failed = (error: unknown): void => {
      // a command that ends before it has read everything is no error of the command
      if (broken !== undefined || !isSshError(error, 'released')) fail(broken?.error ?? error);
    };
    const fed$ = session.stdin.pump(input$).pipe(ignoreElements(), takeUntil(session.unread$));
    all.add(fed$.subscribe({ error: failed }));
  };
  let unanswered: SshError | undefined;
  const finish = (): void => {
    const ended = (exit: Exit): void => {
      if (unanswered !== undefined && exit.kind === 'missing') fail(unanswered);
      else emitExit(exit, out);
    };
    all.add(exitWhenClosed(session).subscribe({ next: ended, error: fail }));
  };
  // some servers (paramiko) answer a command that ends at once behind its end, which is no answer any more: then its exit is one
  const refused = (error: unknown): void => {
    if (isRequested && isSshError(error, 'released')) unanswered = error;
    else fail(error);
  };
  all.add(
    session.output$.subscribe({
      next: (output) => {
        out.next(output);
        if (!isHeld()) weigh(output.data);
      },
      error: fail,
      complete: () => finish(),
    }),
  );
  all.add(requests.subscribe({ error: refused, complete: feed }));
  return all;
}

/** From the request on nobody knows whether the command has run: another try might run it twice. */
function final(error: unknown): unknown {
  if (!isSshError(error) || !error.transient) return error;
  const { kind, message, detail } = error;
  return new SshError(kind, message, detail, { cause: error, transient: false });
}

function emitExit(exit: Exit, out: { next(event: ExecEvent): void; complete(): void }): void {
  outsideDelivery(() => out.next({ type: 'exit', exit }));
  out.complete();
}

function terminate(session: SessionChannel, how: ExecOptions['onUnsubscribe']): void {
  if (signalEnd(session, how)) session.end();
  session.close();
}

/** Tells the command to end, unless CLOSE alone shall do it. */
function signalEnd(session: SessionChannel, how: ExecOptions['onUnsubscribe'] = 'term'): boolean {
  if (how === 'close') return false;
  session.signal(how === 'term' ? 'TERM' : 'KILL');
  return true;
}

function channelOptions({ window, budget }: ExecOptions): ChannelOptions {
  return {
    ...(window === undefined ? {} : { window }),
    ...(budget === undefined ? {} : { budget }),
  };
}

function attempt<T>(action: () => T, out: { error(error: unknown): void }): T | undefined {
  try {
    return action();
  } catch (thrown) {
    out.error(asSshError(thrown));
    return undefined;
  }
}
