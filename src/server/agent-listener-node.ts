/** The client's agent as a unix socket of this machine: what the programs of a session look for. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { catchError, defer, EMPTY, finalize, mergeMap, type Observable, of } from 'rxjs';
import type { Channel } from '../channels/channel.ts';
import { ChannelDuplex } from '../forwarding/channel-duplex.ts';
import { splice } from '../forwarding/splice.ts';
import type { ByteDuplex } from '../streams/byte-duplex.ts';
import { listenUnix } from '../streams/listen-unix-node.ts';

/**
 * Listens on a socket in a folder of its own, which only our user may enter. Emits the socket's path, for `SSH_AUTH_SOCK`, and
 * never completes: each that connects gets an agent of its own, and is let go where the client opens none. Unsubscribing ends
 * them all and removes the folder. Errors with what the system says when it cannot be made.
 *
 * @param agent$ - of a session
 */
export function listenForAgent(agent$: Observable<Channel>): Observable<string> {
  return defer(() => {
    const folder = mkdtempSync(join(tmpdir(), 'rxssh-agent-'));
    return listenUnix(join(folder, 'agent')).pipe(
      mergeMap((event) =>
        event.type === 'listening' ? of(event.socketPath) : lead(event.duplex, agent$),
      ),
      finalize(() => rmSync(folder, { recursive: true, force: true })),
    );
  });
}

/** A program that breaks off, or a client that has no agent, is no matter of the session's. */
function lead(program: ByteDuplex, agent$: Observable<Channel>): Observable<never> {
  return agent$.pipe(
    mergeMap((channel) => splice(program, new ChannelDuplex(channel))),
    catchError(() => EMPTY),
    finalize(() => program.destroy()),
  );
}
