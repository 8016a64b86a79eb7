/** A gateway: sessions of a server of ours that are carried out by another server. */
import {
  catchError,
  concat,
  EMPTY,
  exhaustMap,
  ignoreElements,
  merge,
  mergeMap,
  Observable,
  of,
  takeUntil,
  tap,
} from 'rxjs';
import type { SshClient } from '../client/client.ts';
import { END_OF_WRITE, exitWhenClosed, type SessionChannel } from '../client/session.ts';
import { type Exit, SshError } from '../errors.ts';
import { exec } from '../messages/channel-requests.ts';
import { nest } from '../operators/nest.ts';
import type { ExitResult } from '../server/exit-result.ts';
import type { ServerSession, SessionHandler } from '../server/session.ts';
import { paced } from './paced.ts';

/** Signals that wait while the other server does not read. */
const MAX_SIGNALS = 16;

/** Where sessions lead: a client's connection, the same for all or one for each. */
export type GatewayTarget =
  Observable<SshClient> | ((session: ServerSession) => Observable<SshClient>);

/**
 * A handler that hands sessions to a session of a client: for `exec`, `shell` and subsystems alike.
 *
 * 1. The client's request is answered when the other server has answered it: what is refused there is refused here. Until then
 *    the target connects.
 * 2. The terminal with its modes, the variables that `acceptEnv` lets in, and the command, byte for byte, are asked for there;
 *    sizes, signals and breaks are passed on; while the other server does not read, the last few wait.
 * 3. Both ways run at the pace of the slower side, and half-closed sessions work: EOF and eow@openssh.com are passed on.
 * 4. The exit, by status or by signal, is told when the other server has closed its channel and everything was sent on.
 * 5. When either side closes, the other's channel is closed; what a command makes of that, the other server decides. The target is
 *    unsubscribed with the session: share it (`shareClient`) so that sessions have one connection.
 * 6. When the connection to the other server is lost: exit status 255 and a `handler-error` event.
 *
 * Agents, displays and further requests stay on this side.
 *
 * @example
 * ```ts
 * const inside = gateway(connect('deploy@db1').pipe(shareClient({ linger: 10_000 })));
 * listen({
 *   port: 2200,
 *   hostKeys: [key],
 *   authenticate,
 *   pty: true,
 *   acceptEnv: ['LANG', 'LC_*'],
 *   exec: inside,
 *   shell: inside,
 *   subsystems: { sftp: inside },
 * });
 * ```
 */
export function gateway(target: GatewayTarget): SessionHandler {
  return (outer) => {
    const client$ = typeof target === 'function' ? target(outer) : target;
    const inner$ = client$.pipe(nest((client) => client.session({ stderr: 'hold' })));
    return {
      started$: inner$.pipe(
        nest((inner) => concat(request(outer, inner), of(carry(outer, inner)))),
      ),
    };
  };
}

/** Asks the other server for what the client has asked for. */
function request(outer: ServerSession, inner: SessionChannel): Observable<never> {
  const { pty, env } = outer;
  for (const [name, value] of env) inner.setEnv(name, value);
  const start = requestStart(outer, inner);
  return pty === undefined ? start : concat(inner.requestPty(pty), start);
}

function requestStart(
  { commandBytes, subsystem }: ServerSession,
  inner: SessionChannel,
): Observable<never> {
  // sshd would end the connection, which others may share
  if (commandBytes?.includes(0) === true)
    throw new SshError('config', 'a command cannot hold a NUL character', { option: 'command' });
  // not as text: it need not be UTF-8
  if (commandBytes !== undefined)
    return inner.channel.request('exec', exec.encode({ command: commandBytes }));
  return subsystem === undefined ? inner.shell() : inner.subsystem(subsystem);
}

/** Carries everything both ways. */
function carry(outer: ServerSession, inner: SessionChannel): Observable<ExitResult> {
  const { pty } = outer;
  return new Observable((out) => {
    // that the client has closed, or the other server, is told by the end of either channel
    const input$ = inner.stdin.pump(outer.stdin$).pipe(takeUntil(inner.unread$));
    out.add(input$.subscribe({ error: nothing }));
    out.add(inner.unread$.subscribe(() => outer.channel.notify(END_OF_WRITE)));
    const { channel } = inner;
    out.add(outer.windowChange$.pipe(paced(channel, 1)).subscribe((size) => inner.resize(size)));
    // its size may have changed since it was asked for
    if (outer.pty !== undefined && outer.pty !== pty) inner.resize(outer.pty);
    out.add(
      outer.signals$.pipe(paced(channel, MAX_SIGNALS)).subscribe((name) => inner.signal(name)),
    );
    out.add(
      outer.breaks$
        .pipe(
          paced(channel, 1),
          // one that comes before the answer to another is left out: the answers that wait are bounded
          exhaustMap((length) => inner.sendBreak(length).pipe(catchError(() => EMPTY))),
        )
        .subscribe(),
    );
    const exit$ = exitWhenClosed(inner).pipe(mergeMap(exitResult));
    out.add(concat(carryOutput(outer, inner), exit$).subscribe(out));
  });
}

/** Until the other server has said EOF and all was sent on; then EOF is. */
function carryOutput(outer: ServerSession, inner: SessionChannel): Observable<never> {
  const stdout$ = outer.stdout.pump(inner.stdout$).pipe(
    catchError(() => {
      inner.channel.notify(END_OF_WRITE);
      return EMPTY;
    }),
  );
  const stderr$ = outer.stderr.pump(inner.stderr$).pipe(catchError(() => EMPTY));
  return merge(stdout$, stderr$).pipe(ignoreElements(), tap({ complete: () => outer.endOutput() }));
}

function exitResult(exit: Exit): Observable<ExitResult> {
  return exit.kind === 'missing' ? EMPTY : of(exit);
}

function nothing(): void {
  // the end of the session tells
}
