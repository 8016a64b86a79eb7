/** The handler of a session: asked, run, and heard until it has told the exit; see `SessionHandler` for what each end means. */
import { from, isObservable, type Observable, type ObservableInput, Subscription } from 'rxjs';
import { type Exit, SshError } from '../errors.ts';
import { utf8Text } from '../wire/bytes.ts';
import { exitOf, type ExitResult, FAILED_STATUS } from './exit-result.ts';
import type { ServerSession, SessionHandlers } from './session.ts';
import type { SessionStart } from './session-state.ts';

/** Who hears of a handler's work. */
export interface WorkListener {
  /** Once: the exit. */
  exit(exit: Exit): void;
  /** The handler has thrown, errored, or emitted what is no exit. */
  failed(error: unknown): void;
}

/** The work of one session. */
export class SessionWork {
  readonly #listener: WorkListener;
  readonly #running = new Subscription();
  #isHeard = true;
  #hasExit = false;

  constructor(listener: WorkListener) {
    this.#listener = listener;
  }

  /** Calls the handler of what is to be started; `undefined` when there is none, or it has thrown. */
  ask(
    handlers: SessionHandlers,
    start: SessionStart,
    session: ServerSession,
  ): Observable<unknown> | undefined {
    try {
      const work = callHandler(handlers, start, session);
      if (work === undefined) return undefined;
      // whether or not anybody comes to subscribe: a rejection must not be unhandled
      if ('then' in work) work.then(undefined, nothing);
      return isObservable(work) ? work : from(work);
    } catch (thrown) {
      this.#listener.failed(thrown);
      return undefined;
    }
  }

  run(work: Observable<unknown>): void {
    this.#running.add(
      work.subscribe({
        next: (value) => this.#emitted(value),
        error: (error: unknown) => {
          if (!this.#isHeard) return;
          this.#listener.failed(error);
          this.#tell({ kind: 'status', status: FAILED_STATUS });
        },
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
    try {
      this.#running.unsubscribe();
    } catch (thrown) {
      this.#listener.failed(thrown);
    }
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
): ObservableInput<ExitResult> | undefined {
  switch (start.kind) {
    case 'exec':
      return exec?.(session, utf8Text(start.command));
    case 'shell':
      return shell?.(session);
    case 'subsystem':
      return Object.hasOwn(subsystems, start.name) ? subsystems[start.name]?.(session) : undefined;
  }
}

function nothing(): void {
  // the rejection also arrives at whoever subscribes
}
