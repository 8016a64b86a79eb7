/** A shell on xterm.js. The terminal takes the next bytes when it has drawn those before: `yes` fills no memory, here or on the way. */
import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import { drain, type Exit, type SessionChannel, type SshClient } from 'rxssh';
import {
  concat,
  defer,
  finalize,
  ignoreElements,
  merge,
  Observable,
  switchMap,
  take,
  takeUntil,
  tap,
} from 'rxjs';

/** Starts a shell, and emits how it has ended. Unsubscribing closes it and takes the terminal away. */
export function terminal(client: SshClient, place: HTMLElement): Observable<Exit> {
  return defer(() => {
    const screen = new Screen(place);
    return client.shell({ pty: screen.size }).pipe(
      switchMap((shell) => screen.show(shell)),
      finalize(() => screen.dispose()),
    );
  });
}

class Screen {
  readonly #terminal = new Terminal({
    fontFamily: 'ui-monospace, "Cascadia Code", "DejaVu Sans Mono", Menlo, monospace',
    fontSize: 14,
    theme: { background: '#16181d', cursor: '#ff6fb1' },
  });
  readonly #fit = new FitAddon();
  readonly #place: HTMLElement;

  constructor(place: HTMLElement) {
    this.#place = place;
    this.#terminal.loadAddon(this.#fit);
    this.#terminal.open(place);
    this.#fit.fit();
  }

  get size(): { columns: number; rows: number; widthPixels: number; heightPixels: number } {
    const { cols: columns, rows } = this.#terminal;
    return { columns, rows, widthPixels: 0, heightPixels: 0 };
  }

  show(shell: SessionChannel): Observable<Exit> {
    this.#terminal.focus();
    const shown$ = shell.stdout$.pipe(drain((bytes) => this.#draw(bytes)));
    const resized$ = this.#resized$.pipe(tap(() => shell.resize(this.size)));
    const end$ = concat(shown$, shell.exit$).pipe(take(1));
    const typed$ = shell.stdin.pump(this.#typed$, { end: false });
    // what is typed, and how large it is, matters until the shell is over
    return merge(end$, merge(typed$, resized$).pipe(ignoreElements(), takeUntil(shell.exit$)));
  }

  dispose(): void {
    this.#terminal.dispose();
  }

  /** Completes when the terminal has taken the bytes in. */
  #draw(bytes: Uint8Array): Observable<never> {
    return new Observable((out) => this.#terminal.write(bytes, () => out.complete()));
  }

  get #typed$(): Observable<string> {
    return new Observable((out) => {
      const listening = this.#terminal.onData((text) => out.next(text));
      return () => listening.dispose();
    });
  }

  /** Emits when the terminal has another size, because its place has. */
  get #resized$(): Observable<unknown> {
    return new Observable((out) => {
      const listening = this.#terminal.onResize((size) => out.next(size));
      const watching = new ResizeObserver(() => this.#fit.fit());
      watching.observe(this.#place);
      return () => {
        watching.disconnect();
        listening.dispose();
      };
    });
  }
}
