/** A client and a server in one process, over a wire in memory: whole sessions in milliseconds, commands are functions. */
import { concat, ignoreElements, Observable, of, Subscription } from 'rxjs';
import { connect, type ClientOptions } from '../../src/client/connect.ts';
import type { SshClient } from '../../src/client/client.ts';
import { fingerprint } from '../../src/keys/fingerprint.ts';
import type { ByteInput } from '../../src/operators/to-byte-stream.ts';
import type { ConnectionEvent } from '../../src/server/events.ts';
import type { ExitResult } from '../../src/server/exit-result.ts';
import type { ServeOptions } from '../../src/server/options.ts';
import { serve } from '../../src/server/serve.ts';
import type { ExecHandler, ServerSession } from '../../src/server/session.ts';
import type { ByteDuplex } from '../../src/streams/byte-duplex.ts';
import { memoryPair, type MemoryPairOptions } from '../../src/streams/memory-pair.ts';
import { utf8Text } from '../../src/wire/bytes.ts';
import { hostKey } from './transports.ts';

/** How the pair differs from the usual one. */
export interface EmbeddedOptions {
  readonly server?: Partial<ServeOptions>;
  readonly client?: Partial<ClientOptions>;
  readonly wire?: MemoryPairOptions;
}

/** A server that is there when somebody connects. */
export interface Embedded {
  /** Cold: each subscription is a connection to a server of its own. */
  readonly client$: Observable<SshClient>;
  /** What all of the servers have told. */
  readonly events: ConnectionEvent[];
  /** The servers' ends of the wires, to cut. */
  readonly ends: ByteDuplex[];
  /** Types of the events. */
  types(): string[];
}

/** Quick algorithms: what is proven here is not the handshake. */
const ALGORITHMS = { kex: ['curve25519-sha256'], cipher: ['aes128-gcm@openssh.com'] };

/** A client whose commands are run by `exec`. */
export function embedded(exec: ExecHandler, options: EmbeddedOptions = {}): Embedded {
  const events: ConnectionEvent[] = [];
  const ends: ByteDuplex[] = [];
  const duplex = new Observable<ByteDuplex>((subscriber) => {
    const [clientEnd, serverEnd] = memoryPair(options.wire);
    ends.push(serverEnd);
    // it ends when the client has gone
    serve(serverEnd, {
      hostKeys: [hostKey],
      authenticate: () => of(true),
      authentication: { failureDelay: 0 },
      exec,
      ...options.server,
    }).subscribe((event) => events.push(event));
    subscriber.next(clientEnd);
    // behind the goodbye, if there is one to say
    return () => void turn().then(() => clientEnd.destroy());
  });
  const client$ = connect({
    duplex,
    host: 'db1',
    user: 'alice',
    password: 'secret',
    hostKeys: { policy: 'pinned', fingerprints: [fingerprint(hostKey.publicKey)] },
    algorithms: ALGORITHMS,
    ...options.client,
  });
  return { client$, events, ends, types: () => events.map((event) => event.type) };
}

/** What a command does. */
export interface Response {
  readonly stdout?: ByteInput;
  readonly stderr?: ByteInput;
  readonly exit?: ExitResult;
}

/** A command that writes stdout, then stderr, and exits. */
export function respond(
  session: ServerSession,
  { stdout = '', stderr = '', exit = 0 }: Response,
): Observable<ExitResult> {
  return concat(
    session.stdout.pump(stdout).pipe(ignoreElements()),
    session.stderr.pump(stderr).pipe(ignoreElements()),
    of(exit),
  );
}

/** Lets everything happen that needs no time: all microtasks, and what they lead to. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

let open = new Subscription();

/** A client that stays connected until the end of the test; see {@link closeEmbedded}. */
export function connected(source: Observable<SshClient>): Promise<SshClient> {
  return new Promise((resolve, reject) => {
    keepOpen(source.subscribe({ next: resolve, error: reject }));
  });
}

/** Keeps a subscription until the end of the test. */
export function keepOpen(subscription: Subscription): Subscription {
  open.add(subscription);
  return subscription;
}

/** Lets go of everything that a test has kept open, and lets it end. */
export async function closeEmbedded(): Promise<void> {
  open.unsubscribe();
  open = new Subscription();
  await turn();
}

/** All that a stream says: its values, bytes as text, and then its error or `complete`. */
export function allOf(source: Observable<unknown>): Promise<unknown[]> {
  return new Promise((resolve) => {
    const seen: unknown[] = [];
    keepOpen(
      source.subscribe({
        next: (value) => seen.push(value instanceof Uint8Array ? utf8Text(value) : value),
        error: (error: unknown) => resolve([...seen, error]),
        complete: () => resolve([...seen, 'complete']),
      }),
    );
  });
}
