/** Connections without a login: two of them on one wire, or one and a script that plays its peer. */
import { type Observable, Subscription } from 'rxjs';
import { type ConnectionOptions, SshConnection } from '../../src/channels/connection.ts';
import type { Channel } from '../../src/channels/channel.ts';
import type { ChannelOptions } from '../../src/channels/channel-options.ts';
import type { Message } from '../../src/messages/catalogue.ts';
import { CONNECTION_MESSAGES, type ConnectionMessage } from '../../src/messages/connection.ts';
import type { MemoryPairOptions } from '../../src/streams/memory-pair.ts';
import type { SshTransport } from '../../src/streams/transport.ts';
import type { TransportOptions } from '../../src/streams/transport-options.ts';
import { turn } from './embedded.ts';
import { defaultProposal, transportPair } from './transports.ts';

const open = new Set<Subscription>();

/** Lets go of everything that a spec has opened here. */
export async function closeScripted(): Promise<void> {
  for (const subscription of open) subscription.unsubscribe();
  open.clear();
  await turn();
}

/** How the pair differs from the usual one. */
export interface PairOptions {
  readonly client?: ConnectionOptions;
  readonly server?: ConnectionOptions;
  readonly wire?: MemoryPairOptions;
  readonly transport?: Partial<TransportOptions>;
}

/** Two transports whose first key exchange is complete. */
async function transports({ wire = {}, transport = {} }: PairOptions): Promise<{
  readonly client: SshTransport;
  readonly server: SshTransport;
  readonly subscription: Subscription;
}> {
  const proposal = { ...defaultProposal, kex: ['curve25519-sha256'] };
  const options = { proposal, ...transport };
  const { client$, server$ } = transportPair(wire, options, options);
  const subscription = new Subscription();
  open.add(subscription);
  // each by itself: the end of one is the other's to notice over the wire
  const ready = (transport$: Observable<SshTransport>): Promise<SshTransport> =>
    new Promise((resolve, reject) => {
      subscription.add(transport$.subscribe({ next: resolve, error: reject }));
    });
  const [client, server] = await Promise.all([ready(client$), ready(server$)]);
  return { client, server, subscription };
}

/** A client's and a server's connection. */
export async function connectionPair(options: PairOptions = {}): Promise<{
  readonly client: SshConnection;
  readonly server: SshConnection;
  readonly subscription: Subscription;
}> {
  const { client, server, subscription } = await transports(options);
  return {
    client: new SshConnection(client, options.client),
    server: new SshConnection(server, options.server),
    subscription,
  };
}

/** A connection of ours, and what its peer sees and says. */
export class Script {
  readonly connection: SshConnection;
  /** Messages of ours that the peer has received. */
  readonly received: ConnectionMessage[] = [];
  readonly #peer: SshTransport;

  constructor(connection: SshConnection, peer: SshTransport) {
    this.connection = connection;
    this.#peer = peer;
  }

  /** The peer's transport. */
  get peer(): SshTransport {
    return this.#peer;
  }

  /** The peer says something; resolves when all is done that follows from it without a timer. */
  async say(...messages: readonly Message[]): Promise<void> {
    this.#peer.run(() => {
      for (const message of messages) this.#peer.send(message);
    });
    await turn();
  }

  /** Messages of one type that the peer has received. */
  of<T extends ConnectionMessage['type']>(type: T): Extract<ConnectionMessage, { type: T }>[] {
    return this.received.filter(
      (message): message is Extract<ConnectionMessage, { type: T }> => message.type === type,
    );
  }

  /** Types of what the peer has received, and forgets them. */
  take(): string[] {
    return this.received.splice(0).map((message) => message.type);
  }

  /** Opens a channel, which the peer confirms as its number 7. */
  async openChannel(
    options: ChannelOptions = {},
    peer: { windowSize?: number; maximumPacketSize?: number } = {},
  ): Promise<{ readonly channel: Channel; readonly subscription: Subscription }> {
    const subscription = new Subscription();
    open.add(subscription);
    const channel = new Promise<Channel>((resolve, reject) => {
      subscription.add(
        this.connection
          .openChannel('session', undefined, options)
          .subscribe({ next: resolve, error: reject }),
      );
    });
    await turn();
    const [message] = this.of('CHANNEL_OPEN').slice(-1);
    await this.say(confirmation(message?.senderChannel ?? 0, peer));
    this.take();
    return { channel: await channel, subscription };
  }
}

/** The peer's number of every channel of a script. */
export const PEER_NUMBER = 7;

/** A confirmation with a large window. */
export function confirmation(
  recipientChannel: number,
  { windowSize = 1024 * 1024, maximumPacketSize = 32 * 1024 } = {},
): Message {
  return {
    type: 'CHANNEL_OPEN_CONFIRMATION',
    recipientChannel,
    senderChannel: PEER_NUMBER,
    initialWindowSize: windowSize,
    maximumPacketSize,
    payload: new Uint8Array(0),
  };
}

/** Our side is the client's; the peer is a script. */
export async function script(
  options: Omit<PairOptions, 'client' | 'server'> & {
    readonly connection?: ConnectionOptions;
  } = {},
): Promise<Script> {
  const { client, server } = await transports(options);
  const result = new Script(new SshConnection(client, options.connection), server);
  server.enterPhase('connection', CONNECTION_MESSAGES);
  const inbound = server.upper$.subscribe(({ message }) => {
    if (message !== undefined) result.received.push(copied(message as ConnectionMessage));
  });
  open.add(inbound);
  return result;
}

/** Payloads are views that are good while a message is dispatched. */
function copied(message: ConnectionMessage): ConnectionMessage {
  const entries = Object.entries(message).map(([name, value]: [string, unknown]) => [
    name,
    value instanceof Uint8Array ? value.slice() : value,
  ]);
  return Object.fromEntries(entries) as ConnectionMessage;
}
