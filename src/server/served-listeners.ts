/** Listeners that a client has asked for (RFC 4254 §7.1, OpenSSH PROTOCOL 2.4), each until it is taken back. */
import { from, Observable, Subscription } from 'rxjs';
import type { Channel } from '../channels/channel.ts';
import type { GlobalRequestHandler } from '../channels/global-requests.ts';
import { CARRIER, ChannelDuplex } from '../forwarding/channel-duplex.ts';
import { checkBound, type Endpoint, endpointKey } from '../forwarding/endpoint.ts';
import {
  forwardedStreamlocal,
  forwardedTcpip,
  streamlocalForward,
  tcpipForward,
  tcpipForwardReply,
} from '../messages/forwarding.ts';
import type { ByteDuplex } from '../streams/byte-duplex.ts';
import { after } from '../streams/deadline.ts';
import type { ForwardHandlers, ListenHandler } from './forwarding.ts';
import { clientGone, endBehind, type ForwardContext, leadOn } from './served-ways.ts';

const DEFAULT_MAXIMUM_LISTENERS = 10;
const DEFAULT_MAXIMUM_FORWARDED = 256;
const NO_BYTES = new Uint8Array(0);

/** What the client is told. */
type Answer = boolean | Uint8Array;

/** The listeners of one connection. */
export class ServedListeners {
  readonly #listen: ListenHandler;
  readonly #limits: ForwardHandlers;
  readonly #context: ForwardContext;
  readonly #listeners = new Set<Listener>();
  #forwarded = 0;

  /** Handlers by request name. */
  readonly globalRequests: Readonly<Record<string, GlobalRequestHandler>> = {
    'tcpip-forward': ({ payload }) => this.#start(tcpAt(payload)),
    'cancel-tcpip-forward': ({ payload }) => this.#cancel(tcpAt(payload)),
    'streamlocal-forward@openssh.com': ({ payload }) => this.#start(unixAt(payload)),
    'cancel-streamlocal-forward@openssh.com': ({ payload }) => this.#cancel(unixAt(payload)),
  };

  constructor(listen: ListenHandler, limits: ForwardHandlers, context: ForwardContext) {
    this.#listen = listen;
    this.#limits = limits;
    this.#context = context;
  }

  #start(at: Endpoint): Answer | Observable<Answer> {
    checkBound(at);
    const { maxListeners = DEFAULT_MAXIMUM_LISTENERS } = this.#limits;
    if (this.#listeners.size >= maxListeners || this.#find(at) !== undefined) return false;
    const { connection, scheduler, answerTimeout } = this.#context;
    const listener$ = this.#listen({ at }, connection);
    if (listener$ === false) return false;
    return new Observable((out) => {
      const listener = this.#add(at);
      const over = (): void => listener.life.unsubscribe();
      // before the answer, whoever waits for it decides; behind it, the client does
      const giveUp = (): void => {
        if (!listener.isBound) over();
      };
      out.add(giveUp);
      out.add(after(answerTimeout, giveUp, scheduler));
      listener.life.add(() => {
        if (!listener.isBound && !out.closed) out.next(false);
      });
      listener.life.add(
        from(listener$).subscribe({
          next: (event) => {
            if (event.type === 'connection') this.#offer(event.duplex, listener);
            else if (!listener.isBound) out.next(this.#bind(listener, event.at));
          },
          error: over,
          complete: over,
        }),
      );
    });
  }

  #bind(listener: Listener, real: Endpoint): Answer {
    const answer = listener.bind(real);
    const { emit } = this.#context;
    emit({ type: 'listener-opened', at: real });
    listener.life.add(() => emit({ type: 'listener-closed', at: real }));
    return answer;
  }

  #add(at: Endpoint): Listener {
    const listener = new Listener(at);
    this.#listeners.add(listener);
    listener.life.add(() => this.#listeners.delete(listener));
    this.#context.life.add(listener.life);
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
    let isOpen = false;
    const way = new Subscription(() => {
      this.#forwarded--;
      if (!isOpen) duplex.destroy(clientGone());
    });
    endBehind(this.#context.life, way);
    const join = (channel: Channel): void => {
      isOpen = true;
      leadOn(this.#context, { near: duplex, far: new ChannelDuplex(channel) }, at, way);
    };
    way.add(
      this.#openChannel(at, duplex).subscribe({ next: join, error: () => way.unsubscribe() }),
    );
  }

  #openChannel(at: Endpoint, duplex: ByteDuplex): Observable<Channel> {
    const { connection } = this.#context;
    if ('port' in at)
      return connection.openChannel('forwarded-tcpip', tcpPayload(at, duplex), CARRIER);
    const payload = forwardedStreamlocal.encode({ socketPath: at.socketPath, reserved: NO_BYTES });
    return connection.openChannel('forwarded-streamlocal@openssh.com', payload, CARRIER);
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
    connectedAddress: host,
    connectedPort: port,
    originatorAddress: peer?.address ?? '127.0.0.1',
    originatorPort: peer?.port ?? 0,
  });
}
