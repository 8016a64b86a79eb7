/** Ports and sockets on which the server listens for us (RFC 4254 §7.1, OpenSSH PROTOCOL 2.4). */
import { AsyncSubject, Observable, type Subscriber } from 'rxjs';
import type {
  ChannelOpenAnswer,
  ChannelOpenHandler,
  SshConnection,
} from '../channels/connection.ts';
import { isSshError, protocolError, SshError } from '../errors.ts';
import { OpenFailureReason } from '../messages/codes.ts';
import {
  forwardedStreamlocal,
  forwardedTcpip,
  streamlocalForward,
  tcpipForward,
  tcpipForwardReply,
} from '../messages/forwarding.ts';
import { outsideDelivery } from '../operators/credit.ts';
import type { ByteDuplex, DuplexPeer } from '../streams/byte-duplex.ts';
import { asSshError, callbackError } from '../streams/ending.ts';
import { CARRIER, ChannelDuplex } from './channel-duplex.ts';
import { checkBound, type Endpoint, endpointKey, endpointText } from './endpoint.ts';

/** How `listen` listens. */
export interface RemoteListenOptions {
  /** Is told once where the server listens: the port is the one that it has chosen when it was asked for port 0. */
  readonly listening?: (at: Endpoint) => void;
}

const REFUSED: ChannelOpenAnswer = {
  accept: false,
  reasonCode: OpenFailureReason.ADMINISTRATIVELY_PROHIBITED,
  description: 'nobody has asked for it',
};

/** Whoever asked for connections to an endpoint. Nothing else is let in. */
export class RemoteListeners {
  readonly #listeners = new Map<string, Subscriber<ByteDuplex>>();
  /** What was asked for and is not answered; it may be that nobody waits for it any more. */
  readonly #unanswered = new Map<string, Observable<never>>();

  /** What a connection is to do with the channels that the server opens. */
  readonly channels: Readonly<Record<string, ChannelOpenHandler>> = {
    'forwarded-tcpip': ({ payload }) => {
      const { connectedAddress, connectedPort, ...originator } = forwardedTcpip.decode(payload);
      return this.#accept(
        { host: connectedAddress, port: connectedPort },
        { address: originator.originatorAddress, port: originator.originatorPort },
      );
    },
    'forwarded-streamlocal@openssh.com': ({ payload }) =>
      this.#accept({ socketPath: forwardedStreamlocal.decode(payload).socketPath }),
  };

  /** Asks the server to listen; see `SshClient.listen`. */
  listen(
    connection: SshConnection,
    at: Endpoint,
    { listening }: RemoteListenOptions = {},
  ): Observable<ByteDuplex> {
    return new Observable((subscriber) => {
      checkBound(at);
      const key = endpointKey(at);
      if (this.#listeners.has(key)) throw alreadyListening(at);
      // the server may open channels right behind its reply
      if (!isAnyPort(at)) this.#add(at, subscriber);
      subscriber.add(connection.transport.closed$.subscribe((error) => subscriber.error(error)));
      if (subscriber.closed) return;
      const ask = (): void => this.#ask(connection, at, subscriber, listening);
      const before$ = this.#unanswered.get(key);
      // whoever had it before has left, and gives it back when it is granted
      if (before$ === undefined) ask();
      else subscriber.add(before$.subscribe({ complete: ask }));
    });
  }

  #ask(
    connection: SshConnection,
    at: Endpoint,
    subscriber: Subscriber<ByteDuplex>,
    listening: RemoteListenOptions['listening'],
  ): void {
    const granted = (reply: Uint8Array): void => {
      const bound = boundAt(at, reply);
      // it is not wanted any more, and the server learns only now where it is
      if (subscriber.closed) this.#cancel(connection, bound);
      else this.#granted(connection, bound, subscriber, listening);
    };
    const answered = this.#awaitAnswer(at);
    // eslint-disable-next-line rxjs-x/no-ignored-subscription -- a port that is granted late has to be given back
    connection.globalRequests.request(requestName(at), payloadOf(at)).subscribe({
      next: (reply) => {
        try {
          granted(reply);
        } catch (thrown) {
          connection.transport.fail(asSshError(thrown));
        }
      },
      error: (error: unknown) => {
        if (!subscriber.closed) subscriber.error(refusedAt(at, error));
        answered();
      },
      complete: answered,
    });
  }

  /** @returns what is to be called when the answer is there */
  #awaitAnswer(at: Endpoint): () => void {
    // each is a port of its own
    if (isAnyPort(at)) return nothing;
    const key = endpointKey(at);
    const answer$ = new AsyncSubject<never>();
    this.#unanswered.set(key, answer$);
    return () => {
      this.#unanswered.delete(key);
      answer$.complete();
    };
  }

  #granted(
    connection: SshConnection,
    bound: Endpoint,
    subscriber: Subscriber<ByteDuplex>,
    listening: RemoteListenOptions['listening'],
  ): void {
    if (!this.#listeners.has(endpointKey(bound))) this.#add(bound, subscriber);
    subscriber.add(() => this.#cancel(connection, bound));
    try {
      outsideDelivery(() => listening?.(bound));
    } catch (thrown) {
      subscriber.error(callbackError('listening', thrown));
    }
  }

  #add(at: Endpoint, subscriber: Subscriber<ByteDuplex>): void {
    const key = endpointKey(at);
    this.#listeners.set(key, subscriber);
    subscriber.add(() => this.#listeners.delete(key));
  }

  #cancel(connection: SshConnection, bound: Endpoint): void {
    if (connection.transport.ended !== undefined) return;
    connection.globalRequests.notify(`cancel-${requestName(bound)}`, payloadOf(bound));
  }

  #accept(at: Endpoint, peer?: DuplexPeer): ChannelOpenAnswer {
    const subscriber = this.#listeners.get(endpointKey(at));
    if (subscriber === undefined) return REFUSED;
    return {
      accept: true,
      options: CARRIER,
      opened: (channel) => {
        if (subscriber.closed) channel.destroy();
        else subscriber.next(new ChannelDuplex(channel, peer));
      },
    };
  }
}

function isAnyPort(at: Endpoint): boolean {
  return 'port' in at && at.port === 0;
}

/** Where it listens now. Throws `protocol` for a reply that does not tell the port. */
function boundAt(at: Endpoint, reply: Uint8Array): Endpoint {
  if (!('port' in at) || at.port !== 0) return at;
  const { boundPort: port } = tcpipForwardReply.decode(reply);
  if (port === 0 || port > 65_535) throw protocolError(`tcpip-forward: port ${String(port)}`);
  return { host: at.host, port };
}

/** There may be many listeners: which one is refused has to be told. */
function refusedAt(at: Endpoint, error: unknown): unknown {
  if (!isSshError(error, 'request-refused')) return error;
  const text = `the server refuses to listen on ${endpointText(at)}`;
  return new SshError('request-refused', text, error.detail);
}

function requestName(at: Endpoint): string {
  return 'port' in at ? 'tcpip-forward' : 'streamlocal-forward@openssh.com';
}

function payloadOf(at: Endpoint): Uint8Array {
  return 'port' in at
    ? tcpipForward.encode({ bindAddress: at.host, bindPort: at.port })
    : streamlocalForward.encode({ socketPath: at.socketPath });
}

function alreadyListening(at: Endpoint): SshError<'config'> {
  const text = `the server listens on ${endpointText(at)} for this connection already`;
  return new SshError('config', text, { option: 'endpoint' });
}

function nothing(): void {
  // nobody waits for this answer
}
