/** Operators over a stream that emits a client: the source stays subscribed, so connected, as long as the work runs. */
import {
  from,
  type MonoTypeOperatorFunction,
  Observable,
  type ObservableInput,
  type OperatorFunction,
  ReplaySubject,
  type SchedulerLike,
  share,
  Subscription,
  timer,
} from 'rxjs';
import type { ChannelOptions } from '../channels/channel-options.ts';
import { subscribeInner } from '../operators/lift.ts';
import { LONGEST_DELAY } from '../operators/steady-scheduler.ts';
import { toByteStream } from '../operators/to-byte-stream.ts';
import type { SftpOptions } from '../sftp/client/open-sftp.ts';
import type { SftpClient } from '../sftp/client/sftp-client.ts';
import type { SshClient } from './client.ts';
import type { ExecEvent, ExecOptions } from './exec.ts';
import type { Command } from './quote.ts';
import type { SessionChannel } from './session.ts';
import type { ShellOptions } from './shell.ts';

/**
 * Runs work on a client.
 *
 * 1. Takes the source's first client and subscribes to what `project` makes of it.
 * 2. Keeps the source subscribed, so connected, while that runs; completes and errors with it, and then lets the source go.
 *    (`take(1)` with `switchMap` would disconnect at once; `switchMap` alone would never complete.)
 * 3. An error of the source before the first client passes on. Later ones reach the work through its own streams, behind the
 *    data that was received before them.
 * 4. Unsubscribing ends the work first and lets the source go behind it, also one that emits without a pause.
 *
 * @param project - client → work
 *
 * @example
 * ```ts
 * connect('db1').pipe(withClient((client) => concat(client.exec('a'), client.exec('b'))))
 * ```
 */
export function withClient<C, R>(
  project: (client: C) => ObservableInput<R>,
): OperatorFunction<C, R> {
  return (source) =>
    new Observable((out) => {
      const work = new Subscription();
      const connected = new Subscription();
      // first of all: what the work says at its end needs the connection
      out.add(work);
      let isRunning = false;
      const run = (client: C): void => {
        if (isRunning) return;
        isRunning = true;
        try {
          const stage = { next: (value: R) => out.next(value), complete: () => out.complete() };
          subscribeInner(from(project(client)), out, stage, work);
        } catch (thrown) {
          out.error(thrown);
        }
      };
      const stage = {
        next: run,
        error: (error: unknown) => {
          if (isRunning) connected.unsubscribe();
          else out.error(error);
        },
        complete: () => {
          if (!isRunning) out.complete();
        },
      };
      subscribeInner(source, out, stage, connected);
    });
}

/**
 * Runs a command on the source's first client; see `SshClient.exec` and {@link withClient}.
 *
 * @example `connect('db1').pipe(exec('uname -r'), text())`
 */
export function exec(
  command: Command,
  options: ExecOptions = {},
): OperatorFunction<SshClient, ExecEvent> {
  const { stdin } = options;
  // now, and not when the client is there: a file that cannot be opened says so meanwhile
  const early = stdin === undefined ? options : { ...options, stdin: toByteStream(stdin) };
  return withClient((client) => client.exec(command, early));
}

/** Opens a session channel on the source's first client, runs `project` on it, and closes it when that is over. */
export function session<R>(
  project: (session: SessionChannel) => ObservableInput<R>,
  options: ChannelOptions = {},
): OperatorFunction<SshClient, R> {
  return withClient((client) => client.session(options).pipe(withClient(project)));
}

/**
 * Starts a shell on the source's first client, runs `project` on it, and closes it when that is over; see `SshClient.shell`.
 *
 * @example `connect('db1').pipe(shell(({ stdout$, stdin }) => merge(stdout$, stdin.pump('uptime\nexit\n').pipe(ignoreElements()))))`
 */
export function shell<R>(
  project: (session: SessionChannel) => ObservableInput<R>,
  options: ShellOptions = {},
): OperatorFunction<SshClient, R> {
  return withClient((client) => client.shell(options).pipe(withClient(project)));
}

/**
 * Starts SFTP on the source's first client, runs `project` with it, and ends it when that is over; see {@link withClient}.
 *
 * @example `connect('db1').pipe(sftp((fs) => fs.lines('/etc/passwd')))`
 */
export function sftp<R>(
  project: (fs: SftpClient) => ObservableInput<R>,
  options: SftpOptions = {},
): OperatorFunction<SshClient, R> {
  return withClient((client) => client.sftp(options).pipe(withClient(project)));
}

/** How a shared connection is let go. */
export interface ShareOptions {
  /** Milliseconds that it stays open after the last subscriber has gone; 0 by default. */
  readonly linger?: number;
  /** Where time comes from; rxjs's `asyncScheduler` by default. */
  readonly scheduler?: SchedulerLike;
}

/**
 * Shares one connection among all subscribers: dials for the first, closes `linger` milliseconds after the last, and forgets a
 * connection that has ended, so that the next subscriber dials anew (`shareReplay` would hand out the dead one).
 */
export function shareClient<C = SshClient>({
  linger = 0,
  scheduler,
}: ShareOptions = {}): MonoTypeOperatorFunction<C> {
  return share({
    connector: () => new ReplaySubject<C>(1),
    resetOnError: true,
    resetOnComplete: true,
    resetOnRefCountZero:
      linger === 0 ? true : () => timer(Math.min(linger, LONGEST_DELAY), scheduler),
  });
}
