/** What the shells of the examples have in common: questions to whoever sits here, and a shell on this terminal. */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import {
  type ByteInput,
  drain,
  isSshError,
  shell,
  shellStatus,
  type SessionChannel,
  type SshClient,
  type WindowSize,
} from 'rxssh';
import {
  catchError,
  concat,
  defer,
  EMPTY,
  finalize,
  fromEvent,
  ignoreElements,
  map,
  merge,
  Observable,
  type OperatorFunction,
  take,
  tap,
  throwError,
} from 'rxjs';

const { stdin, stdout } = process;

/** Emits what is typed; errors with Ctrl-C. Completes without a value at the end of the input. */
export function ask(question: string, { isSecret = false } = {}): Observable<string> {
  return new Observable((answer) => {
    const echo = new Writable({
      write: (chunk: Uint8Array, _encoding, done) => {
        if (!isSecret) stdout.write(chunk);
        done();
      },
    });
    const typed = createInterface({ input: stdin, output: echo, terminal: stdin.isTTY });
    // the terminal echoes nothing any more: whoever is quick shows no password either
    stdout.write(question);
    const gone = (): void => answer.complete();
    typed.once('close', gone);
    typed.once('line', (line) => {
      // first of all: whoever gets the answer may ask something else
      typed.off('close', gone).close();
      if (isSecret) stdout.write('\n');
      answer.next(line);
      answer.complete();
    });
    typed.once('SIGINT', () => answer.error(new Error('interrupted')));
    return () => typed.close();
  });
}

/** The user's shell on this terminal: emits its exit status. Whatever happens, the terminal becomes again what it was. */
export function shellHere(): OperatorFunction<SshClient, number> {
  const { TERM: term = 'vt100', LANG = 'C.UTF-8' } = process.env;
  const { columns, rows } = stdout;
  return shell((session) => inRawMode(dialogue(session)), {
    pty: { term, columns, rows },
    env: { LANG },
  });
}

function dialogue(session: SessionChannel): Observable<number> {
  // the keys outlive the session: the terminal has to be restored first
  const keys: ByteInput = stdin.iterator({ destroyOnReturn: false });
  const typed$ = session.stdin.pump(keys).pipe(
    ignoreElements(),
    // keys that a shell does not read any more are no failure: how it has ended tells
    catchError((error: unknown) =>
      isSshError(error, 'released') ? EMPTY : throwError(() => error),
    ),
  );
  // a slow terminal slows the program down
  const shown$ = session.stdout$.pipe(
    drain((bytes) => new Promise<void>((done) => stdout.write(bytes, () => done()))),
    ignoreElements(),
  );
  const resized$ = fromEvent(stdout, 'resize').pipe(
    tap(() => session.resize(sizeOfThis())),
    ignoreElements(),
  );
  const ended$ = session.exit$.pipe(map(shellStatus));
  return merge(typed$, resized$, concat(shown$, ended$)).pipe(take(1));
}

function sizeOfThis(): WindowSize {
  const { columns, rows } = stdout;
  return { columns, rows, widthPixels: 0, heightPixels: 0 };
}

function inRawMode<T>(work$: Observable<T>): Observable<T> {
  return defer(() => {
    stdin.setRawMode(true);
    return work$;
  }).pipe(
    finalize(() => {
      stdin.setRawMode(false);
      stdin.destroy();
    }),
  );
}

/** Runs a shell to its end, which is the end of this program; a signal ends it early, and in good order. */
export function runShell(status$: Observable<number>): void {
  const running = status$.subscribe({
    next: (status) => (process.exitCode = status),
    error: (error: unknown) => {
      console.error(String(error));
      process.exitCode = 255;
      stdin.destroy();
    },
  });
  for (const signal of ['SIGTERM', 'SIGHUP']) process.once(signal, () => running.unsubscribe());
}
