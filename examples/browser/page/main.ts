/** The page: a form, then a terminal and files, until one side says goodbye. */
import { describeExit, isSshError, type SshClient } from 'rxssh';
import {
  catchError,
  defer,
  exhaustMap,
  finalize,
  from,
  fromEvent,
  map,
  merge,
  type Observable,
  of,
  startWith,
  switchMap,
  takeWhile,
  tap,
} from 'rxjs';
import { byId, element } from './elements.ts';
import { files } from './files.ts';
import { knownHosts, type Login, logIn, readForm } from './login.ts';
import { terminal } from './terminal.ts';

const form = byId('login', HTMLFormElement);
const session = byId('session', HTMLDivElement);
const disconnect = byId('disconnect', HTMLButtonElement);
const status = byId('status', HTMLParagraphElement);
const alert = byId('alert', HTMLParagraphElement);

/** What the head of the page tells. */
interface State {
  readonly text: string;
  readonly isOver?: boolean;
}

/** From the form that was sent to the end of what it led to. Never errors: what went wrong is told. */
function visit(login: Login): Observable<State> {
  const where = `${login.user}@${login.host}:${String(login.port)}`;
  const left$ = fromEvent(disconnect, 'click').pipe(
    map(() => ({ text: `Disconnected from ${where}`, isOver: true })),
  );
  return merge(logIn(login).pipe(switchMap((client) => use(client, where))), left$).pipe(
    startWith({ text: `Connecting to ${where} …` }),
    catchError((error: unknown) => {
      complain(error, login);
      return of({ text: `Not connected to ${where}`, isOver: true });
    }),
    takeWhile(({ isOver }: State) => isOver !== true, true),
  );
}

/** A terminal and files, until the shell is over. */
function use(client: SshClient, where: string): Observable<State> {
  return defer(() => {
    const { algorithms } = client.handshake;
    showSession(true);
    return merge(
      of({ text: `${where} · ${algorithms.kex} · ${algorithms.serverToClient.cipher}` }),
      terminal(client, byId('terminal', HTMLDivElement)).pipe(
        map((exit) => ({ text: `The shell ${describeExit(exit)}`, isOver: true })),
      ),
      files(client),
    );
  }).pipe(finalize(() => showSession(false)));
}

function showSession(isOpen: boolean): void {
  session.hidden = disconnect.hidden = !isOpen;
  form.hidden = isOpen;
}

/** An error, with the way on where there is one. */
function complain(error: unknown, { host, port }: Login): void {
  const message = error instanceof Error ? error.message : String(error);
  alert.replaceChildren(message);
  if (isSshError(error, 'host-key') && error.detail.reason === 'changed') {
    const forget = element('button', { type: 'button' }, 'I know why: forget its old key');
    forget.addEventListener('click', () => {
      alert.hidden = true;
      void knownHosts.forget(host, port);
    });
    alert.replaceChildren(
      element('strong', {}, 'The host key has changed! '),
      'Somebody may be in between, and would read all you send. Nothing was sent. ',
      message,
      forget,
    );
  }
  alert.hidden = false;
}

/** The hosts that the relay allows. */
async function showHosts(): Promise<void> {
  const hosts = (await (await fetch('hosts.json')).json()) as readonly string[];
  byId('host', HTMLSelectElement).replaceChildren(...hosts.map((host) => new Option(host)));
}

from(showHosts())
  .pipe(
    switchMap(() => fromEvent(form, 'submit')),
    tap((submit) => submit.preventDefault()),
    // one at a time
    exhaustMap(() => {
      alert.hidden = true;
      form.inert = true;
      return visit(readForm(form)).pipe(finalize(() => (form.inert = false)));
    }),
  )
  .subscribe(({ text }) => (status.textContent = text));
