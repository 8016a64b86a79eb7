/** A handler that runs a real process for each session, as sshd does for a session without a terminal. */
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { basename } from 'node:path';
import type { Stream } from 'node:stream';
import { Observable, type Subscriber, Subscription } from 'rxjs';
import { SshError } from '../errors.ts';
import type { ByteStream } from '../streams/byte-duplex.ts';
import type { ByteSink } from '../streams/byte-sink.ts';
import { equalBytes, utf8Bytes } from '../wire/bytes.ts';
import { environment, homeFolder } from './child-environment-node.ts';
import { feed, outputOf } from './child-streams-node.ts';
import { type ExitResult, exitWith } from './exit-result.ts';
import { endGroup, signalGroup } from './process-group-node.ts';
import type { ServerSession, SessionHandler } from './session.ts';

/** How processes are run. */
export interface ChildProcessOptions {
  /** The program that is given commands (`-c`) and run as a login shell; `/bin/sh` unless said otherwise. */
  readonly shell?: string;
  /** Run instead of whatever the client asks for; that is in the variable SSH_ORIGINAL_COMMAND, and signals are not passed on. */
  readonly command?: string;
  /** Where the process starts; the home folder unless said otherwise. */
  readonly cwd?: string;
  /** Variables besides PATH, HOME, USER, LOGNAME, SHELL and LANG; they win over those and over the client's. */
  readonly env?: Readonly<Record<string, string>>;
  /** Processes at a time, of all sessions of this handler; 64 unless said otherwise. */
  readonly maxChildren?: number;
  /** Milliseconds from TERM to KILL when a session ends before its process; 1000 unless said otherwise. */
  readonly killGrace?: number;
}

const DEFAULT_SHELL = '/bin/sh';
const DEFAULT_MAXIMUM_CHILDREN = 64;
const DEFAULT_KILL_GRACE = 1000;

/** Signals that a client may send (RFC 4254 §6.10). */
const SIGNALS: Readonly<Record<string, NodeJS.Signals>> = {
  ABRT: 'SIGABRT',
  ALRM: 'SIGALRM',
  FPE: 'SIGFPE',
  HUP: 'SIGHUP',
  ILL: 'SIGILL',
  INT: 'SIGINT',
  KILL: 'SIGKILL',
  PIPE: 'SIGPIPE',
  QUIT: 'SIGQUIT',
  SEGV: 'SIGSEGV',
  TERM: 'SIGTERM',
  USR1: 'SIGUSR1',
  USR2: 'SIGUSR2',
};

/** What a shell says when a command cannot be run. */
const CANNOT_RUN = 127;

/**
 * A handler that runs a process in a process group of its own: for `exec` and `shell`, and with `command` for a subsystem.
 * Processes run as the user of this program, whoever has logged in.
 *
 * 1. A command runs by `/bin/sh -c`; a shell runs without a terminal. Terminals take a package of their own: leave `pty` out.
 * 2. Everything is at the pace of the slower side: a slow client stops the process, a slow process the client. The client's
 *    EOF closes its stdin; when the client reads no more, what it writes fails (SIGPIPE).
 * 3. The exit is that of the process, by status or by signal. Output that is in the pipes then still gets through; a process
 *    in the background that holds them open delays the exit by `outputGrace` at the most.
 * 4. When the session ends first, the process group gets TERM, and KILL after `killGrace`.
 * 5. Signals of the client go to the process group.
 * 6. A process that cannot be started is status 127 with a line on stderr. Beyond `maxChildren`, and for a command that
 *    is not UTF-8 (which could only be run as another one), the request is refused.
 *
 * @example
 * ```ts
 * const run = childProcess({ cwd: '/srv' });
 * listen({ port: 2200, hostKeys: [key], authenticate, exec: run, shell: run });
 * ```
 */
export function childProcess(options: ChildProcessOptions = {}): SessionHandler {
  let children = 0;
  const check = (): void => {
    const limit = options.maxChildren ?? DEFAULT_MAXIMUM_CHILDREN;
    if (children < limit) return;
    const detail = { what: 'child processes', limit };
    throw new SshError('overflow', `more than ${String(limit)} child processes`, detail);
  };
  return (session) => {
    check();
    const { command, commandBytes = utf8Bytes('') } = session;
    if (command !== undefined && !equalBytes(utf8Bytes(command), commandBytes)) {
      throw new SshError('unsupported', 'a command that is not UTF-8', { feature: 'raw command' });
    }
    return new Observable((subscriber) => {
      // requests of one turn are all granted before the first of them is run
      check();
      children++;
      const run = new ChildRun(session, options, subscriber);
      run.start(() => children--);
    });
  };
}

/** One process of one session. */
class ChildRun {
  readonly #session: ServerSession;
  readonly #options: ChildProcessOptions;
  readonly #subscriber: Subscriber<ExitResult>;

  constructor(
    session: ServerSession,
    options: ChildProcessOptions,
    subscriber: Subscriber<ExitResult>,
  ) {
    this.#session = session;
    this.#options = options;
    this.#subscriber = subscriber;
  }

  /** @param gone - called once when the process is no more */
  start(gone: () => void): void {
    const counted = new Subscription(gone);
    let child: ChildProcessWithoutNullStreams;
    try {
      child = this.#spawn();
    } catch (thrown) {
      counted.unsubscribe();
      throw thrown;
    }
    child.once('exit', () => counted.unsubscribe());
    child.once('error', (error) => {
      counted.unsubscribe();
      if (child.pid === undefined) this.#notStarted(error);
    });
    if (child.pid === undefined) ignoreErrors(child);
    else this.#connect(child);
  }

  #spawn(): ChildProcessWithoutNullStreams {
    const { shell = DEFAULT_SHELL, cwd = homeFolder() } = this.#options;
    const command = this.#options.command ?? this.#session.command;
    return spawn(shell, command === undefined ? [] : ['-c', command], {
      // a dash in front of its name tells a shell that it is a login shell
      argv0: command === undefined ? `-${basename(shell)}` : shell,
      cwd,
      env: environment(this.#session, shell, this.#options),
      detached: true,
      stdio: 'pipe',
    });
  }

  #connect(child: ChildProcessWithoutNullStreams): void {
    const { stdin$, stdout, stderr } = this.#session;
    const subscriber = this.#subscriber;
    let isGone = false;
    subscriber.add(() => {
      if (!isGone) endGroup(child, this.#options.killGrace ?? DEFAULT_KILL_GRACE);
      // behind the signal: to the child this is the end of its input
      child.stdin.destroy();
    });
    subscriber.add(this.#passSignalsOn(child));
    subscriber.add(feed(child.stdin, stdin$));
    const outputs = [outputOf(child.stdout), outputOf(child.stderr)] as const;
    // EOF waits for the exit: to some clients it is the end, and they would close the channel before they heard of the exit
    subscriber.add(send(outputs[0].bytes$, stdout));
    subscriber.add(send(outputs[1].bytes$, stderr));
    child.once('exit', (status, signal) => {
      isGone = true;
      for (const output of outputs) output.leftover();
      if (!subscriber.closed) subscriber.next(exitResult(status, signal));
    });
  }

  #passSignalsOn(child: ChildProcessWithoutNullStreams): Subscription {
    // who may run one command only may not disturb it either
    if (this.#options.command !== undefined) return Subscription.EMPTY;
    return this.#session.signals$.subscribe((name) => {
      const signal = Object.hasOwn(SIGNALS, name) ? SIGNALS[name] : undefined;
      if (signal !== undefined) signalGroup(child, signal);
    });
  }

  #notStarted(error: Error): void {
    const why = 'code' in error ? String(error.code) : 'unknown error';
    const subscriber = this.#subscriber;
    subscriber.add(
      this.#session.stderr
        .pump(`cannot run the command: ${why}\n`)
        .pipe(exitWith(CANNOT_RUN))
        .subscribe(subscriber),
    );
  }
}

/** Whatever ends it, the exit tells: a client that reads no more is no fault of the process. */
function send(bytes$: ByteStream, sink: ByteSink): Subscription {
  return sink.pump(bytes$).subscribe({ error: nothing });
}

/** A process that was not started can have pipes all the same. */
function ignoreErrors({ stdin, stdout, stderr }: ChildProcess): void {
  // Node leaves them undefined when it is out of file descriptors
  const pipes: readonly (Stream | null | undefined)[] = [stdin, stdout, stderr];
  for (const pipe of pipes) pipe?.on('error', nothing);
}

function exitResult(status: number | null, signal: NodeJS.Signals | null): ExitResult {
  if (signal !== null) return { signal: signal.replace(/^SIG/, '') };
  return { status: status ?? CANNOT_RUN };
}

function nothing(): void {
  // the process's own end tells
}
