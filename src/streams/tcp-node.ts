/**
 * TCP and unix sockets as byte duplexes: every address of a name is tried (RFC 8305), TCP_NODELAY is set at both ends, and one
 * read buffer serves all sockets that we dial.
 */
import { lookup } from 'node:dns';
import {
  connect as connectSocket,
  createServer,
  isIP,
  type Server,
  type Socket,
  type SocketConnectOpts,
} from 'node:net';
import { Observable, type SchedulerLike, type Subscriber, Subscription } from 'rxjs';
import { type ConnectAttempt, SshError, toError } from '../errors.ts';
import { deliver } from '../operators/credit.ts';
import type { ByteDuplex, DuplexPeer } from './byte-duplex.ts';
import { after } from './deadline.ts';
import { connectionLost } from './ending.ts';

/** RFC 8305 §5: how long one address is waited for, in milliseconds, before the next is tried beside it. */
const ATTEMPT_DELAY = 250;

/** Sockets read into this one buffer: a chunk is borrowed until `next` returns, and Node reads one socket at a time. */
const sharedReadBuffer = new Uint8Array(256 * 1024);

/** Where to connect to. */
export interface TcpOptions {
  readonly host: string;
  readonly port: number;
  /** Milliseconds for all addresses together; 0 is no limit. */
  readonly timeout?: number;
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
 * Emits one duplex and stays open; unsubscribing destroys the socket. Errors with `connect` (each address tried and what it
 * said) or `timeout` (phase `connect`). Losers of the race are destroyed.
 */
export function connectTcp(options: TcpOptions): Observable<ByteDuplex> {
  return new Observable((subscriber) => {
    const race = new Subscription();
    subscriber.add(race);
    resolve(options, race, (error, addresses) => {
      if (error !== undefined)
        subscriber.error(connectError(options, [failed(options, options.host, error)]));
      else raceAddresses(options, addresses, subscriber, race);
    });
  });
}

/** Connects to a unix socket. Emits one duplex and stays open; errors with `connect`. */
export function connectUnix(path: string): Observable<ByteDuplex> {
  return new Observable((subscriber) => {
    const { socket, duplex } = openSocket({ path });
    subscriber.add(() => socket.destroy());
    socket.once('connect', () => subscriber.next(duplex));
    socket.once('error', (error) => {
      const target = { host: path, port: 0 };
      subscriber.error(connectError(target, [failed(target, path, error)]));
    });
  });
}

/** What a listener tells: where it listens, then who has come. */
export type ListenEvent =
  | { readonly type: 'listening'; readonly address: string; readonly port: number }
  | { readonly type: 'connection'; readonly duplex: ByteDuplex };

/**
 * Listens for TCP connections. Emits `listening` once it is bound and `connection` for each that comes, and never completes;
 * unsubscribing closes the listener, not what it has accepted. Errors with `connect` when the address cannot be bound.
 */
export function listenTcp(options: {
  readonly host?: string;
  readonly port: number;
}): Observable<ListenEvent> {
  const host = options.host ?? '127.0.0.1';
  return new Observable((subscriber) => {
    const server: Server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      subscriber.next({ type: 'connection', duplex: acceptedDuplex(socket) });
    });
    server.on('error', (error) => {
      const target = { host, port: options.port };
      subscriber.error(connectError(target, [failed(target, host, error)]));
    });
    server.listen({ host, port: options.port }, () => {
      const bound = server.address();
      if (bound === null || typeof bound === 'string') return;
      subscriber.next({ type: 'listening', address: bound.address, port: bound.port });
    });
    return () => server.close();
  });
}

function resolve(
  { host }: TcpOptions,
  race: Subscription,
  done: (error: Error | undefined, addresses: readonly Address[]) => void,
): void {
  const family = isIP(host);
  if (family !== 0) {
    done(undefined, [{ address: host, family }]);
    return;
  }
  lookup(host, { all: true }, (error, addresses) => {
    if (!race.closed) done(error ?? undefined, error === null ? interleave(addresses) : []);
  });
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
function raceAddresses(
  options: TcpOptions,
  addresses: readonly Address[],
  subscriber: Subscriber<ByteDuplex>,
  race: Subscription,
): void {
  const attempts: ConnectAttempt[] = [];
  const sockets = new Set<Socket>();
  let next = 0;
  let patience = Subscription.EMPTY;
  const deadline = after(
    options.timeout ?? 0,
    () => {
      const phase = 'connect';
      const milliseconds = options.timeout ?? 0;
      subscriber.error(
        new SshError(
          'timeout',
          `connect to ${options.host}: no answer within ${String(milliseconds)} ms`,
          {
            phase,
            milliseconds,
          },
        ),
      );
    },
    options.scheduler,
  );
  race.add(() => {
    deadline.unsubscribe();
    patience.unsubscribe();
    for (const socket of sockets) socket.destroy();
  });
  const won = (socket: Socket, duplex: ByteDuplex): void => {
    sockets.delete(socket);
    race.unsubscribe();
    subscriber.add(() => letGo(socket));
    subscriber.next(duplex);
  };
  const tryNext = (): void => {
    patience.unsubscribe();
    const address = addresses[next++];
    if (address === undefined) {
      if (sockets.size === 0) subscriber.error(connectError(options, attempts));
      return;
    }
    const { socket, duplex } = openSocket({
      host: address.address,
      port: options.port,
      noDelay: true,
    });
    sockets.add(socket);
    socket.once('connect', () => won(socket, duplex));
    socket.once('error', (error) => {
      if (!sockets.delete(socket) || race.closed) return;
      attempts.push(failed(options, address.address, error));
      tryNext();
    });
    if (next < addresses.length) patience = after(ATTEMPT_DELAY, tryNext, options.scheduler);
  };
  tryNext();
}

/**
 * Destroys a socket that was dialled, unless whoever used it has ended it in the same turn: that one still has something to
 * say, and destroys it afterwards.
 */
function letGo(socket: Socket): void {
  queueMicrotask(() => {
    if (!socket.writableEnded) socket.destroy();
  });
}

function failed(
  target: { readonly port: number },
  address: string,
  error: unknown,
): ConnectAttempt {
  return { address, port: target.port, message: toError(error).message };
}

function connectError(
  target: { readonly host: string; readonly port: number },
  attempts: readonly ConnectAttempt[],
): SshError<'connect'> {
  const why = attempts.map((each) => each.message).join('; ');
  return new SshError('connect', `cannot connect to ${target.host}: ${why}`, {
    host: target.host,
    port: target.port,
    attempts,
  });
}

/** A socket that reads into the shared buffer, from the moment on at which somebody listens. */
function openSocket(options: SocketConnectOpts): { socket: Socket; duplex: ByteDuplex } {
  let received: Receive = nothing;
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
  socket.pause();
  const attach = (receive: Receive): (() => void) => {
    received = receive;
    socket.resume();
    return () => {
      received = nothing;
    };
  };
  return { socket, duplex: socketDuplex(socket, attach) };
}

/** Sockets that were accepted cannot read into a buffer of ours: Node takes `onread` only when it connects. */
function acceptedDuplex(socket: Socket): ByteDuplex {
  socket.pause();
  return socketDuplex(socket, (receive) => {
    socket.on('data', receive);
    socket.resume();
    return () => socket.off('data', receive);
  });
}

type Receive = (chunk: Uint8Array) => void;

function socketDuplex(socket: Socket, attach: (receive: Receive) => () => void): ByteDuplex {
  // errors also come when nobody reads any more: they must never be uncaught
  socket.on('error', nothing);
  return {
    get peer(): DuplexPeer {
      return { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
    },
    readable$: new Observable((reader) => {
      let outstanding = 0;
      const acknowledge = (): void => {
        outstanding--;
        if (outstanding === 0 && socket.isPaused()) socket.resume();
      };
      const receive = (chunk: Uint8Array): void => {
        outstanding++;
        deliver(reader, chunk, acknowledge);
        if (outstanding > 0) socket.pause();
      };
      const lost = (error?: Error): void => reader.error(connectionLost(error));
      const ended = (): void => reader.complete();
      if (socket.destroyed) {
        lost();
        return undefined;
      }
      socket.on('error', lost).on('end', ended).on('close', lost);
      const detach = attach(receive);
      return () => {
        detach();
        socket.off('error', lost).off('end', ended).off('close', lost);
      };
    }),
    write(bytes, done): void {
      if (socket.destroyed || socket.writableEnded) done();
      else socket.write(bytes, () => done());
    },
    end(): void {
      if (!socket.destroyed) socket.end();
    },
    destroy(): void {
      socket.destroy();
    },
  };
}

function nothing(): void {
  // nobody listens (yet, or any more)
}
