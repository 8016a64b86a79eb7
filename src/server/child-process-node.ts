/** Handlers that run a real process for each session, as sshd does: on pipes, or on a terminal where the client has one. */
import { catchError, exhaustMap, Observable, of, type Subscriber, Subscription } from 'rxjs';
import { errorCode, SshError } from '../errors.ts';
import type { ByteStream } from '../streams/byte-duplex.ts';
import type { ByteSink } from '../streams/byte-sink.ts';
import { equalBytes, utf8Bytes } from '../wire/bytes.ts';
import { listenForAgent } from './agent-listener-node.ts';
import { environment, homeFolder, userShell } from './child-environment-node.ts';
import { feed, outputOf } from './child-streams-node.ts';
import { type ExitResult, exitWith } from './exit-result.ts';
import { checkTerminals } from './native-pty-node.ts';
import { CANNOT_RUN, spawnPiped } from './piped-process-node.ts';
import { ProcessGroup } from './process-group-node.ts';
import type { ServerSession, SessionHandler } from './session.ts';
import type { ProcessFate, SessionProcess } from './session-process-node.ts';
import { spawnOnTerminal } from './terminal-process-node.ts';

/** How processes are run. */
export interface ChildProcessOptions {
  /** The program that is given commands (`-c`) and run as a login shell; `/bin/sh` unless said otherwise. */
  readonly shell?: string;
  /** Run instead of whatever the client asks for; that is in the variable SSH_ORIGINAL_COMMAND, and signals are not passed on. */
  readonly command?: string;
  /** Where the process starts; the home folder unless said otherwise. */
  readonly cwd?: string;
  /** Variables besides those of a login; they win over those and over the client's. */
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

/**
 * A handler that runs a process in a process group of its own: for `exec` and `shell`, and with `command` for a subsystem.
 * Processes run as the user of this program, whoever has logged in, with the variables of a login by sshd: PATH, HOME, USER,
 * LOGNAME, SHELL, LANG, SSH_CLIENT, SSH_CONNECTION, on a terminal TERM and SSH_TTY, and where the session may use the client's
 * agent (`agent` of the server allows it) SSH_AUTH_SOCK, a socket that leads there.
 *
 * 1. A command runs by `/bin/sh -c`, without one the shell as a login shell. Where the session has a terminal (`pty` of the server
 *    grants them) the process is on one of its own, with TERM, size and modes as asked for; there the client's EOF is `^D`. That
 *    takes the package `@lydell/node-pty`, an optional dependency: where it is not installed, the request is refused.
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
    if (session.pty !== undefined) checkTerminals();
    return agentPath(session).pipe(
      // an agent's listener that breaks later has nothing to begin anew
      exhaustMap(
        (path) =>
          new Observable<ExitResult>((subscriber) => {
            // requests of one turn are all granted before the first of them is run
            check();
            children++;
            new ChildRun(session, options, path, subscriber).start(() => children--);
          }),
      ),
    );
  };
}

/**
 * {@link childProcess} with the login shell of the user who runs this program, as `shell` and for commands.
 *
 * @example
 * ```ts
 * const run = loginShell();
 * listen({ port: 2200, hostKeys: [key], authenticate, exec: run, shell: run, pty: true });
 * ```
 */
export function loginShell(
  options: Omit<ChildProcessOptions, 'shell' | 'command'> = {},
): SessionHandler {
  return childProcess({ ...options, shell: userShell() ?? DEFAULT_SHELL });
}

/** A session whose agent cannot be listened for goes without. */
function agentPath({ hasAgent, agent$ }: ServerSession): Observable<string | undefined> {
  return hasAgent ? listenForAgent(agent$).pipe(catchError(() => of(undefined))) : of(undefined);
}

/** One process of one session. */
class ChildRun {
  readonly #session: ServerSession;
  readonly #options: ChildProcessOptions;
  readonly #agentPath: string | undefined;
  readonly #subscriber: Subscriber<ExitResult>;
  #isGone = false;

  constructor(
    session: ServerSession,
    options: ChildProcessOptions,
    agentPath: string | undefined,
    subscriber: Subscriber<ExitResult>,
  ) {
    this.#session = session;
    this.#options = options;
    this.#agentPath = agentPath;
    this.#subscriber = subscriber;
  }

  /** @param gone - called once when the process is no more */
  start(gone: () => void): void {
    const over = (): void => {
      this.#isGone = true;
      gone();
    };
    const failed = (error: unknown): void => {
      over();
      this.#notStarted(error);
    };
    let ended: (exit: ExitResult) => void = nothing;
    const exited = (exit: ExitResult): void => {
      over();
      ended(exit);
    };
    try {
      const child = this.#spawn({ exited, failed });
      if (child !== undefined) ended = this.#connect(child);
    } catch (thrown) {
      over();
      throw thrown;
    }
  }

  #spawn(fate: ProcessFate): SessionProcess | undefined {
    const { shell = DEFAULT_SHELL, cwd = homeFolder() } = this.#options;
    const command = this.#options.command ?? this.#session.command;
    const env = environment(this.#session, { ...this.#options, shell }, this.#agentPath);
    const process = { shell, command, cwd, env };
    const { pty } = this.#session;
    return pty === undefined ? spawnPiped(process, fate) : spawnOnTerminal(process, pty, fate);
  }

  /** @returns what is to be called when the process has ended */
  #connect(child: SessionProcess): (exit: ExitResult) => void {
    const { stdin$, stdout, stderr, windowChange$ } = this.#session;
    const subscriber = this.#subscriber;
    const group = new ProcessGroup(child.pid);
    subscriber.add(() => {
      if (!this.#isGone) group.end(this.#options.killGrace ?? DEFAULT_KILL_GRACE);
      // behind the signal: to the child this is the end of its input
      child.stdin.destroy();
    });
    subscriber.add(this.#passSignalsOn(group));
    subscriber.add(windowChange$.subscribe((size) => child.resize?.(size)));
    subscriber.add(feed(child.stdin, stdin$, () => child.endInput()));
    // EOF waits for the exit: to some clients it is the end, and they would close the channel before they heard of the exit
    const outputs = [outputOf(child.stdout)];
    if (child.stderr !== undefined) outputs.push(outputOf(child.stderr));
    outputs.forEach(({ bytes$ }, at) => subscriber.add(send(bytes$, at === 0 ? stdout : stderr)));
    return (exit) => {
      group.leaderEnded();
      for (const output of outputs) output.leftover();
      if (!subscriber.closed) subscriber.next(exit);
    };
  }

  #passSignalsOn(group: ProcessGroup): Subscription {
    // who may run one command only may not disturb it either
    if (this.#options.command !== undefined) return Subscription.EMPTY;
    return this.#session.signals$.subscribe((name) => {
      const signal = Object.hasOwn(SIGNALS, name) ? SIGNALS[name] : undefined;
      if (signal !== undefined) group.signal(signal);
    });
  }

  #notStarted(error: unknown): void {
    const subscriber = this.#subscriber;
    subscriber.add(
      this.#session.stderr
        .pump(`cannot run the command: ${reasonOf(error)}\n`)
        .pipe(exitWith(CANNOT_RUN))
        .subscribe(subscriber),
    );
  }
}

/** Whatever ends it, the exit tells: a client that reads no more is no fault of the process. */
function send(bytes$: ByteStream, sink: ByteSink): Subscription {
  return sink.pump(bytes$).subscribe({ error: nothing });
}

/** Not the whole message: paths of the server are not for the client. */
function reasonOf(error: unknown): string {
  const code = errorCode(error);
  return typeof code === 'string' ? code : 'unknown error';
}

function nothing(): void {
  // the process's own end tells
}
