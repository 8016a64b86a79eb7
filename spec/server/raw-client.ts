/** A client made of the floors below both `client` and `server`, so that the server is judged by nothing that shares its folder. */
import { firstValueFrom, lastValueFrom, Observable, of, Subscription, toArray } from 'rxjs';
import { authenticateClient } from '../../src/auth/client.ts';
import type { Channel } from '../../src/channels/channel.ts';
import type { ChannelOptions, ChannelRequest } from '../../src/channels/channel-options.ts';
import { type ConnectionOptions, SshConnection } from '../../src/channels/connection.ts';
import { generatePrivateKey } from '../../src/keys/private-key.ts';
import { env, exec, exitSignal, exitStatus } from '../../src/messages/channel-requests.ts';
import type { ConnectionEvent } from '../../src/server/events.ts';
import type { ServeOptions } from '../../src/server/options.ts';
import { serve } from '../../src/server/serve.ts';
import type { ByteDuplex, DuplexPeer } from '../../src/streams/byte-duplex.ts';
import { memoryPair, type MemoryPairOptions } from '../../src/streams/memory-pair.ts';
import { openTransport } from '../../src/streams/transport.ts';
import type { TransportOptions } from '../../src/streams/transport-options.ts';
import { concatBytes, utf8Bytes, utf8Text } from '../../src/wire/bytes.ts';
import { clientOptions, hostKey } from '../support/transports.ts';

/** The key that `serverWith` lets in. */
export const userKey = generatePrivateKey('ed25519');

/** Options of a server that lets everybody in who has a key. */
export function serverWith(more: Partial<ServeOptions> = {}): ServeOptions {
  return {
    hostKeys: [hostKey],
    authenticate: (attempt) => of(attempt.method === 'publickey'),
    authentication: { failureDelay: 0 },
    ...more,
  };
}

/** Logs in over a duplex. Emits the connection and stays open; unsubscribing disconnects. */
export function rawClient(
  duplex: ByteDuplex,
  more: Partial<TransportOptions> = {},
  connection: ConnectionOptions = {},
): Observable<SshConnection> {
  return new Observable((subscriber) => {
    subscriber.add(
      openTransport(duplex, clientOptions(more)).subscribe({
        next: (transport) =>
          subscriber.add(
            authenticateClient(transport, {
              user: 'alice',
              identities: () => of(userKey),
            }).subscribe({
              next: () => subscriber.next(new SshConnection(transport, connection)),
              error: () => undefined,
            }),
          ),
        error: (error: unknown) => subscriber.error(error),
      }),
    );
  });
}

/** A client and a server that are logged in over a wire in memory, and what the server has told. */
export interface Pair {
  readonly connection: SshConnection;
  readonly events: ConnectionEvent[];
  /** Resolves when the server's stream of events has completed. */
  readonly ended: Promise<void>;
  /** Ends the client's side. */
  readonly client: Subscription;
  /** Ends the server's side. */
  readonly server: Subscription;
}

const open = new Set<Subscription>();

/** Lets go of every pair of this test. */
export function closePairs(): void {
  for (const subscription of open) subscription.unsubscribe();
  open.clear();
}

/** Logs in. @param wire - with whom the server takes the client to be */
export async function pair(
  options: Partial<ServeOptions> = {},
  { peer, ...wire }: MemoryPairOptions & { readonly peer?: DuplexPeer } = {},
  transport: Partial<TransportOptions> = {},
  ofClient: ConnectionOptions = {},
): Promise<Pair> {
  const [clientEnd, serverEnd] = memoryPair(wire);
  const events: ConnectionEvent[] = [];
  const server = new Subscription();
  const client = new Subscription();
  open.add(server).add(client);
  const ended = new Promise<void>((resolve, reject) => {
    server.add(
      serve(Object.assign(serverEnd, peer && { peer }), serverWith(options)).subscribe({
        next: (event) => events.push(event),
        error: reject,
        complete: resolve,
      }),
    );
  });
  const connection = await new Promise<SshConnection>((resolve, reject) => {
    client.add(
      rawClient(clientEnd, transport, ofClient).subscribe({ next: resolve, error: reject }),
    );
  });
  return { connection, events, ended, client, server };
}

/** What a session has come to. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly requests: readonly { readonly type: string; readonly value: unknown }[];
}

/** A session channel with the requests that the server has sent on it. */
export interface Session {
  readonly channel: Channel;
  readonly requests: ChannelRequest[];
  readonly subscription: Subscription;
}

/** Opens a session channel. */
export async function openSession(
  connection: SshConnection,
  options: ChannelOptions = {},
): Promise<Session> {
  const requests: ChannelRequest[] = [];
  const subscription = new Subscription();
  const channel = await new Promise<Channel>((resolve, reject) => {
    const onRequest = (request: ChannelRequest): boolean => requests.push(request) > 0;
    subscription.add(
      connection
        .openChannel('session', new Uint8Array(0), { onRequest, ...options })
        .subscribe({ next: resolve, error: reject }),
    );
  });
  return { channel, requests, subscription };
}

/** Asks for something and waits for the reply: `true` when it was granted. */
export async function ask(
  channel: Channel,
  type: string,
  payload: Uint8Array = new Uint8Array(0),
): Promise<boolean> {
  try {
    await lastValueFrom(channel.request(type, payload), { defaultValue: undefined });
    return true;
  } catch {
    return false;
  }
}

/** The payload of an exec. */
export function execOf(command: string | Uint8Array): Uint8Array {
  return exec.encode({ command: typeof command === 'string' ? utf8Bytes(command) : command });
}

/** The payload of an env. */
export function envOf(name: string, value: string): Uint8Array {
  return env.encode({ name, value });
}

/** Everything that comes until the channel is closed. */
export async function outcomeOf({ channel, requests }: Session): Promise<Outcome> {
  const stdout = lastValueFrom(channel.stdout$.pipe(toArray()));
  const stderr = lastValueFrom(channel.stderr$.pipe(toArray()));
  const closed = firstValueFrom(channel.closed$);
  const [out, err] = [utf8Text(concatBytes(await stdout)), utf8Text(concatBytes(await stderr))];
  const error = await closed;
  if (error !== undefined) throw error;
  return { stdout: out, stderr: err, requests: requests.map(readable) };
}

function readable({ type, payload }: ChannelRequest): { type: string; value: unknown } {
  if (type === 'exit-status') return { type, value: exitStatus.decode(payload).status };
  if (type === 'exit-signal') return { type, value: exitSignal.decode(payload) };
  return { type, value: payload };
}

/** Runs a command to its end. */
export async function run(
  connection: SshConnection,
  command: string,
  input: Uint8Array | string = '',
): Promise<Outcome> {
  const session = await openSession(connection);
  const outcome = outcomeOf(session);
  outcome.catch(() => undefined);
  if (!(await ask(session.channel, 'exec', execOf(command)))) {
    session.subscription.unsubscribe();
    throw new Error('exec was refused');
  }
  session.subscription.add(session.channel.stdin.pump(input).subscribe({ error: () => undefined }));
  return outcome;
}
