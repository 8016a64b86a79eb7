/** The handler of a session: asked, run, and heard until it has told the exit; see `SessionHandler` for what each end means. */
import { from, Observable, type ObservableInput, Subscription } from 'rxjs';
import { type Exit, SshError } from '../errors.ts';
import { utf8Text } from '../wire/bytes.ts';
import { exitOf, type ExitResult, FAILED_STATUS } from './exit-result.ts';
import type { DeferredWork, ServerSession, SessionHandlers } from './session.ts';
import type { SessionStart } from './session-state.ts';

/** Who hears of a handler's work. */
export interface WorkListener {
  /** Once: the exit. */
  exit(exit: Exit): void;
  /** The handler has thrown, errored, or emitted what is no exit. */
  failed(error: unknown): void;
}

/** What a client has asked for. */
export interface Asked {
  readonly start: SessionStart;
  readonly session: ServerSession;
}

/** What a handler has made of it; one of the two, once. */
export interface WorkAnswer {
  /** The request is granted: the work is to be run behind the answer. */
  granted(work: Observable<unknown>): void;
  /** There is no handler, or it has thrown, or its work has not begun. */
  refused(): void;
}

/** The work of one session. */
export class SessionWork {
  readonly #listener: WorkListener;
  readonly #running = new Subscription();
  /** What the work stands on; let go behind it. */
  readonly #ground = new Subscription();
  #isHeard = true;
  #isRunning = false;
  #hasExit = false;

  constructor(listener: WorkListener) {
    this.#listener = listener;
  }

  /**
   * Calls the handler of what is to be started, and tells, perhaps later, what it has come to: the work to be run, or that there
   * is none.
   */
  begin(handlers: SessionHandlers, asked: Asked, answer: WorkAnswer): void {
    let isGranted = false;
    this.#ground.add(
      this.#ask(handlers, asked).subscribe({
        next: (work) => {
          if (isGranted) return;
          isGranted = true;
          answer.granted(from(work));
        },
        error: (error: unknown) => {
          this.#failed(error);
          if (!isGranted) answer.refused();
        },
        complete: () => {
          if (!isGranted) answer.refused();
        },
      }),
    );
  }

  run(work: Observable<unknown>): void {
    this.#isRunning = true;
    this.#running.add(
      work.subscribe({
        next: (value) => this.#emitted(value),
        error: (error: unknown) => this.#failed(error),
        complete: () => this.#tell({ kind: 'missing' }),
      }),
    );
  }

  /** The channel is over: the handler's pumps have told it so, and what it says to that is no failure. */
  ignore(): void {
    this.#isHeard = false;
  }

  /** Unsubscribes. A handler's teardown is the handler's code: what it throws is told, and stops nothing. */
  letGo(): void {
    for (const held of [this.#running, this.#ground]) {
      try {
        held.unsubscribe();
      } catch (thrown) {
        this.#listener.failed(thrown);
      }
    }
  }

  /** What it returns, as something that emits the work once; nothing when there is no handler. */
  #ask(
    handlers: SessionHandlers,
    { start, session }: Asked,
  ): Observable<ObservableInput<ExitResult>> {
    return new Observable((out) => {
      const work = callHandler(handlers, start, session);
      if (work !== undefined && !isObject(work))
        throw new SshError('config', 'the handler has returned nothing that emits an exit', {});
      if (work !== undefined && 'started$' in work) return from(work.started$).subscribe(out);
      if (work !== undefined) {
        // whether or not anybody comes to subscribe: a rejection must not be unhandled
        if ('then' in work) work.then(undefined, nothing);
        out.next(work);
      }
      out.complete();
      return undefined;
    });
  }

  #failed(error: unknown): void {
    if (!this.#isHeard) return;
    this.#listener.failed(error);
    if (this.#isRunning) this.#tell({ kind: 'status', status: FAILED_STATUS });
  }

  #emitted(value: unknown): void {
    if (this.#hasExit) return;
    const exit = exitOf(value);
    if (exit === undefined) {
      this.#listener.failed(new SshError('config', 'the handler has emitted what is no exit', {}));
    }
    this.#tell(exit ?? { kind: 'status', status: FAILED_STATUS });
  }

  #tell(exit: Exit): void {
    if (this.#hasExit || !this.#isHeard) return;
    this.#hasExit = true;
    this.#listener.exit(exit);
  }
}

function callHandler(
  { exec, shell, subsystems = {} }: SessionHandlers,
  start: SessionStart,
  session: ServerSession,
): ObservableInput<ExitResult> | DeferredWork | undefined {
  switch (start.kind) {
    case 'exec':
      return exec?.(session, utf8Text(start.command));
    case 'shell':
      return shell?.(session);
    case 'subsystem':
      return Object.hasOwn(subsystems, start.name) ? subsystems[start.name]?.(session) : undefined;
  }
}

/** Not `instanceof`: it may be of another realm. */
function isObject(value: unknown): boolean {
  return typeof value === 'function' || (typeof value === 'object' && value !== null);
}

function nothing(): void {
  // the rejection also arrives at whoever subscribes
}
