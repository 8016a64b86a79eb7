/**
 * TCP and unix sockets that we dial, as byte duplexes: every address of a name is tried (RFC 8305), TCP_NODELAY is set, and one read
 * buffer serves them all.
 */
import { lookup } from 'node:dns';
import { connect as connectSocket, isIP, type Socket, type SocketConnectOpts } from 'node:net';
import { Observable, type SchedulerLike, type Subscriber, Subscription } from 'rxjs';
import { type ConnectAttempt, SshError, toError } from '../errors.ts';
import { isConsent } from '../operators/take-verdict.ts';
import type { ByteDuplex, DuplexPeer } from './byte-duplex.ts';
import { after, timeoutError } from './deadline.ts';
import { StreamDuplex } from './node-duplex-node.ts';

/** RFC 8305 §5: how long one address is waited for, in milliseconds, before the next is tried beside it. */
const ATTEMPT_DELAY = 250;

/** How long, in milliseconds, a socket that was let go may take to send what was written before it was ended. */
const FAREWELL = 1_000;

const NOT_PERMITTED = new Error('the address is not permitted');

/** Sockets that we dial read into this one buffer: a chunk is borrowed until `next` returns, and Node reads one at a time. */
const sharedReadBuffer = new Uint8Array(256 * 1024);

/** Where to connect to. */
export interface TcpOptions {
  /** Name or address. */
  readonly host: string;
  /** TCP port. */
  readonly port: number;
  /** Milliseconds for the name and all its addresses together; 0 (the default) is no limit. */
  readonly timeout?: number;
  /** Judges each address that the name stands for; those that it refuses are not tried. */
  readonly permit?: (address: string) => boolean;
  readonly scheduler?: SchedulerLike;
}

/** One address that a name stands for. */
interface Address {
  readonly address: string;
  readonly family: number;
}

/**
 * Connects to the first address of a host that answers.
 *
 * Emits one duplex and stays open; unsubscribing lets the socket go, at whatever stage it is. Errors with `connect` (each
 * address tried and what it said), `timeout` (phase `connect`) or `config` (a port that is none). Losers of the race are
 * destroyed.
 */
export function connectTcp(options: TcpOptions): Observable<ByteDuplex> {
  return new Observable((subscriber) => {
    checkPort(options.port);
    const race = new Race(options, subscriber);
    resolve(options.host, (error, addresses) => race.start(error, addresses));
  });
}

/** Connects to a unix socket. Emits one duplex and stays open; unsubscribing lets it go. Errors with `connect`. */
export function connectUnix(path: string): Observable<ByteDuplex> {
  return new Observable((subscriber) => {
    const { socket, duplex } = openSocket({ path }, undefined);
    const refused = (error: Error): void => {
      const target = { host: path, port: 0 };
      subscriber.error(connectError(target, [failed(target, path, error)]));
    };
    socket.once('error', refused).once('connect', () => {
      // from here on its errors belong to whoever reads it
      socket.off('error', refused);
      if (!subscriber.closed) subscriber.next(duplex);
    });
    subscriber.add(() => letGo(socket));
  });
}

/** Throws `config` for a port that is none. */
export function checkPort(port: number): void {
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return;
  throw new SshError('config', `${String(port)} is not a port`, { option: 'port' });
}

function resolve(
  host: string,
  done: (error: Error | undefined, addresses: readonly Address[]) => void,
): void {
  const family = isIP(host);
  if (family !== 0) {
    done(undefined, [{ address: host, family }]);
    return;
  }
  lookup(host, { all: true }, (error, addresses) =>
    error === null ? done(undefined, interleave(addresses)) : done(error, []),
  );
}

/** RFC 8305 §4: the families take turns, the resolver's first one first. */
function interleave(addresses: readonly Address[]): readonly Address[] {
  const first = addresses.filter((each) => each.family === addresses[0]?.family);
  const second = addresses.filter((each) => each.family !== addresses[0]?.family);
  const woven: Address[] = [];
  for (let i = 0; i < Math.max(first.length, second.length); i++) {
    woven.push(...first.slice(i, i + 1), ...second.slice(i, i + 1));
  }
  return woven;
}

/** Tries one address after the other, the next as soon as one fails or has not answered for a while; the first one wins. */
class Race {
  readonly #options: TcpOptions;
  readonly #subscriber: Subscriber<ByteDuplex>;
  readonly #attempts: ConnectAttempt[] = [];
  readonly #running = new Set<Socket>();
  readonly #deadline: Subscription;
  readonly #ending = new Subscription(() => this.#finish());
  #addresses: readonly Address[] = [];
  #next = 0;
  #patience = Subscription.EMPTY;
  #isOver = false;

  constructor(options: TcpOptions, subscriber: Subscriber<ByteDuplex>) {
    const { timeout = 0, scheduler } = options;
    this.#options = options;
    this.#subscriber = subscriber;
    // looking the name up counts
    const expired = (): void => subscriber.error(timeoutError('connect', timeout));
    this.#deadline = after(timeout, expired, scheduler);
    subscriber.add(this.#ending);
  }

  start(error: Error | undefined, addresses: readonly Address[]): void {
    if (this.#isOver) return;
    if (error !== undefined) this.#attempts.push(failed(this.#options, this.#options.host, error));
    try {
      this.#addresses = addresses.filter(({ address }) => this.#isPermitted(address));
    } catch (thrown) {
      this.#subscriber.error(thrown);
      return;
    }
    this.#tryNext();
  }

  #isPermitted(address: string): boolean {
    const { permit } = this.#options;
    const isPermitted = permit === undefined || isConsent(permit(address));
    if (!isPermitted) this.#attempts.push(failed(this.#options, address, NOT_PERMITTED));
    return isPermitted;
  }

  #tryNext(): void {
    this.#patience.unsubscribe();
    const address = this.#addresses[this.#next];
    if (address === undefined) {
      if (this.#running.size === 0)
        this.#subscriber.error(connectError(this.#options, this.#attempts));
      return;
    }
    this.#next++;
    this.#try(address.address);
    if (this.#next < this.#addresses.length)
      this.#patience = after(ATTEMPT_DELAY, () => this.#tryNext(), this.#options.scheduler);
  }

  #try(address: string): void {
    const { port } = this.#options;
    const { socket, duplex } = openSocket(
      { host: address, port, noDelay: true },
      { address, port },
    );
    this.#running.add(socket);
    const failedNow = (error: Error): void => {
      if (!this.#running.delete(socket) || this.#isOver) return;
      this.#attempts.push(failed(this.#options, address, error));
      this.#tryNext();
    };
    socket.once('error', failedNow).once('connect', () => {
      // a connection keeps nothing of the race that it has won
      socket.off('error', failedNow);
      this.#won(socket, duplex);
    });
  }

  #won(socket: Socket, duplex: ByteDuplex): void {
    if (this.#isOver) return;
    this.#running.delete(socket);
    this.#ending.unsubscribe();
    this.#subscriber.add(() => letGo(socket));
    this.#subscriber.next(duplex);
  }

  #finish(): void {
    this.#isOver = true;
    this.#deadline.unsubscribe();
    this.#patience.unsubscribe();
    for (const socket of this.#running) socket.destroy();
    this.#running.clear();
  }
}

/**
 * Destroys a socket that was dialled, unless whoever used it has ended it in the same turn: that one still has something to
 * say, and gets a moment for it.
 */
function letGo(socket: Socket): void {
  queueMicrotask(() => {
    if (!socket.writableEnded || socket.connecting) {
      socket.destroy();
      return;
    }
    const timer = setTimeout(() => socket.destroy(), FAREWELL).unref();
    socket.once('close', () => clearTimeout(timer));
  });
}

/** What came of one address. */
export function failed(
  target: { readonly port: number },
  address: string,
  error: unknown,
): ConnectAttempt {
  return { address, port: target.port, message: toError(error).message };
}

/**
 * The error of a host that cannot be connected to, or listened at.
 *
 * @param what - what cannot be done
 */
export function connectError(
  target: { readonly host: string; readonly port: number },
  attempts: readonly ConnectAttempt[],
  what: 'connect to' | 'listen on' = 'connect to',
): SshError<'connect'> {
  const why = attempts.map((each) => each.message).join('; ');
  return new SshError('connect', `cannot ${what} ${target.host}: ${why}`, {
    host: target.host,
    port: target.port,
    attempts,
  });
}

/** A socket that reads into the shared buffer. */
function openSocket(
  options: SocketConnectOpts,
  peer: DuplexPeer | undefined,
): { socket: Socket; duplex: ByteDuplex } {
  let received: (chunk: Uint8Array) => void = nothing;
  const socket = connectSocket({
    ...options,
    allowHalfOpen: true,
    onread: {
      buffer: sharedReadBuffer,
      callback: (length, buffer) => {
        received(buffer.subarray(0, length));
        return true;
      },
    },
  });
  // or it would read what nobody takes yet
  socket.pause();
  const attach = (receive: (chunk: Uint8Array) => void): (() => void) => {
    received = receive;
    return () => (received = nothing);
  };
  const traits = { isBorrowed: true, copies: false, gathers: true, peer, attach };
  return { socket, duplex: new StreamDuplex(socket, traits) };
}

function nothing(): void {
  // nobody listens (yet, or any more)
}
