/** Listeners that a client has asked for (RFC 4254 §7.1, OpenSSH PROTOCOL 2.4), each until it is taken back. */
import { from, Observable, Subscription } from 'rxjs';
import type { Channel } from '../channels/channel.ts';
import type { GlobalRequestHandler } from '../channels/global-requests.ts';
import { CARRIER, ChannelDuplex } from '../forwarding/channel-duplex.ts';
import type { SshError } from '../errors.ts';
import { checkBound, type Endpoint, endpointKey } from '../forwarding/endpoint.ts';
import { splice } from '../forwarding/splice.ts';
import {
  forwardedStreamlocal,
  forwardedTcpip,
  streamlocalForward,
  tcpipForward,
  tcpipForwardReply,
} from '../messages/forwarding.ts';
import type { ByteDuplex } from '../streams/byte-duplex.ts';
import { asSshError, connectionLost } from '../streams/ending.ts';
import type { ServerConnection } from './connection.ts';
import type { ForwardHandlers, ListenHandler } from './forwarding.ts';
import { endBehind } from './served-ways.ts';

const DEFAULT_MAXIMUM_LISTENERS = 10;
const DEFAULT_MAXIMUM_FORWARDED = 256;
const NO_BYTES = new Uint8Array(0);

/** What the client is told. */
type Answer = boolean | Uint8Array;

/** The listeners of one connection. */
export class ServedListeners {
  readonly #listen: ListenHandler;
  readonly #limits: ForwardHandlers;
  readonly #connection: ServerConnection;
  readonly #life: Subscription;
  readonly #listeners = new Set<Listener>();
  #forwarded = 0;

  /** Handlers by request name. */
  readonly globalRequests: Readonly<Record<string, GlobalRequestHandler>> = {
    'tcpip-forward': ({ payload }) => this.#start(tcpAt(payload)),
    'cancel-tcpip-forward': ({ payload }) => this.#cancel(tcpAt(payload)),
    'streamlocal-forward@openssh.com': ({ payload }) => this.#start(unixAt(payload)),
    'cancel-streamlocal-forward@openssh.com': ({ payload }) => this.#cancel(unixAt(payload)),
  };

  /** @param life - ends with the connection, and all listeners with it */
  constructor(
    listen: ListenHandler,
    limits: ForwardHandlers,
    connection: ServerConnection,
    life: Subscription,
  ) {
    this.#listen = listen;
    this.#limits = limits;
    this.#connection = connection;
    this.#life = life;
  }

  #start(at: Endpoint): Answer | Observable<Answer> {
    checkBound(at);
    const { maxListeners = DEFAULT_MAXIMUM_LISTENERS } = this.#limits;
    if (this.#listeners.size >= maxListeners || this.#find(at) !== undefined) return false;
    const listener$ = this.#listen({ at }, this.#connection);
    if (listener$ === false) return false;
    return new Observable((out) => {
      const listener = this.#add(at);
      // before the answer, whoever waits for it decides; behind it, the client does
      out.add(() => {
        if (!listener.isBound) listener.life.unsubscribe();
      });
      listener.life.add(() => {
        if (!listener.isBound && !out.closed) out.next(false);
      });
      const over = (): void => listener.life.unsubscribe();
      listener.life.add(
        from(listener$).subscribe({
          next: (event) => {
            if (event.type === 'connection') this.#offer(event.duplex, listener);
            else if (!listener.isBound) out.next(listener.bind(event.at));
          },
          error: over,
          complete: over,
        }),
      );
    });
  }

  #add(at: Endpoint): Listener {
    const listener = new Listener(at);
    this.#listeners.add(listener);
    listener.life.add(() => this.#listeners.delete(listener));
    this.#life.add(listener.life);
    return listener;
  }

  /** There may be any number of those whose port is not known yet. */
  #find(at: Endpoint): Listener | undefined {
    if (isAnyPort(at)) return undefined;
    return [...this.#listeners].find((each) => endpointKey(each.at) === endpointKey(at));
  }

  #cancel(at: Endpoint): boolean {
    const listener = this.#find(at);
    listener?.life.unsubscribe();
    return listener !== undefined;
  }

  /** Opens a channel for a connection that has come; one that the client does not take is closed. */
  #offer(duplex: ByteDuplex, { at, isBound }: Listener): void {
    const { maxForwarded = DEFAULT_MAXIMUM_FORWARDED } = this.#limits;
    if (!isBound || this.#forwarded >= maxForwarded) {
      duplex.destroy();
      return;
    }
    this.#forwarded++;
    let failure: SshError | undefined = connectionLost('the connection of its client has ended');
    const way = new Subscription(() => {
      this.#forwarded--;
      duplex.destroy(failure);
    });
    endBehind(this.#life, way);
    const over = (error?: unknown): void => {
      failure = error === undefined ? undefined : asSshError(error);
      way.unsubscribe();
    };
    const channel$ =
      'port' in at
        ? this.#connection.openChannel('forwarded-tcpip', tcpPayload(at, duplex), CARRIER)
        : this.#connection.openChannel(
            'forwarded-streamlocal@openssh.com',
            forwardedStreamlocal.encode({ socketPath: at.socketPath, reserved: NO_BYTES }),
            CARRIER,
          );
    const join = (channel: Channel): void => {
      way.add(
        splice(duplex, new ChannelDuplex(channel)).subscribe({ error: over, complete: over }),
      );
    };
    way.add(channel$.subscribe({ next: join, error: over }));
  }
}

function tcpAt(payload: Uint8Array): Endpoint {
  const { bindAddress: host, bindPort: port } = tcpipForward.decode(payload);
  return { host, port };
}

function unixAt(payload: Uint8Array): Endpoint {
  return { socketPath: streamlocalForward.decode(payload).socketPath };
}

/** One that listens, or is about to. */
class Listener {
  readonly life = new Subscription();
  isBound = false;
  #at: Endpoint;

  constructor(at: Endpoint) {
    this.#at = at;
  }

  /** What the client knows it by: what it has asked for, with the port that it was told. */
  get at(): Endpoint {
    return this.#at;
  }

  /** It listens now, and this is the answer. */
  bind(real: Endpoint): Answer {
    this.isBound = true;
    const at = this.#at;
    if (!isAnyPort(at) || !('port' in at) || !('port' in real)) return true;
    this.#at = { host: at.host, port: real.port };
    return tcpipForwardReply.encode({ boundPort: real.port });
  }
}

function isAnyPort(at: Endpoint): boolean {
  return 'port' in at && at.port === 0;
}

function tcpPayload(
  { host, port }: { readonly host: string; readonly port: number },
  { peer }: ByteDuplex,
): Uint8Array {
  return forwardedTcpip.encode({
    ...{ connectedAddress: host, connectedPort: port },
    ...{ originatorAddress: peer?.address ?? '127.0.0.1', originatorPort: peer?.port ?? 0 },
  });
}
