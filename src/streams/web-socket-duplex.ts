/** WebSockets as byte duplexes: the way from a page to a relay, and, in the relay, from the page. */
import { AsyncSubject, Observable, type SchedulerLike, Subscription, type Subscriber } from 'rxjs';
import { escapeText, SshError } from '../errors.ts';
import { deliver } from '../operators/credit.ts';
import { plainBytes } from '../wire/bytes.ts';
import { Fifo } from '../wire/fifo.ts';
import { alreadyRead, type ByteDuplex } from './byte-duplex.ts';
import { after } from './deadline.ts';
import { connectionLost } from './ending.ts';

/** What is used of a WebSocket: that of a page and of Node 22, and that of the package `ws`. */
export interface WebSocketLike {
  readonly url: string;
  /** 0 while it opens, 1 when it is open. */
  readonly readyState: number;
  /** Bytes that were sent and have not left. */
  readonly bufferedAmount: number;
  /** `blob` in a page, unless it is set. */
  binaryType: string;
  /** Sends a binary message. */
  send(data: Uint8Array<ArrayBuffer>): void;
  /** Closes it, behind what was sent. */
  close(code?: number, reason?: string): void;
  /** Calls back at each event. */
  addEventListener(type: 'open' | 'error', listener: () => void): void;
  /** Calls back at each message. */
  addEventListener(type: 'message', listener: (event: WebSocketMessage) => void): void;
  /** Calls back when it is closed. */
  addEventListener(type: 'close', listener: (event: WebSocketClose) => void): void;
  /** Stops messages, where that is possible: in Node with `ws`. */
  pause?(): void;
  /** Goes on with them. */
  resume?(): void;
}

/** A message: text is a string. */
export interface WebSocketMessage {
  readonly data: unknown;
}

/** How a WebSocket was closed (RFC 6455 §7.1.5). */
export interface WebSocketClose {
  readonly code: number;
  readonly reason: string;
}

/** How a WebSocket is made a duplex. */
export interface WebSocketOptions {
  /** Bytes received that may wait for their reader where the socket cannot be paused; 4 MiB by default. */
  readonly maxWaiting?: number;
  /** Where time comes from; rxjs's `asyncScheduler` by default. */
  readonly scheduler?: SchedulerLike;
}

const CONNECTING = 0;
const OPEN = 1;
const DEFAULT_MAX_WAITING = 4 * 1024 * 1024;
/** A message that waits counts as so many bytes at least: an empty one takes memory, too. */
const COST_OF_MESSAGE = 64;
/** A write is done when no more than this has not left: enough for the time between two looks. */
const MAX_BUFFERED = 1024 * 1024;
/** Milliseconds between two looks at what has not left: a WebSocket does not tell. */
const LOOK_TIME = 5;
/** Closing codes (RFC 6455 §7.4): all was said, no code was given, and one of our own for an end that is none. */
const NORMAL = 1000;
const NO_CODE = 1005;
const ABORTED = 4000;

/**
 * Makes a byte duplex of an open WebSocket that carries bytes in binary messages, whatever their sizes. What has come before is lost:
 * call it as soon as the socket is open. Throws `config` for one that is not yet, see `connectWebSocket`.
 *
 * 1. Messages that come before `readable$` is subscribed, or while a chunk's credit is held, wait. A socket that can be paused is;
 *    where it cannot, as in a page, more than `maxWaiting` closes it, and `readable$` errors with `overflow` behind what has come.
 *    A connection of SSH holds little: it is the windows of its channels that limit what a server sends.
 * 2. A write is done when no more than 1 MiB of what was sent has not left. That is looked at every 5 ms, and when a message comes.
 * 3. A WebSocket has no half-close: `end` closes it, behind what was written, and nothing more is received. An end with code
 *    1000, or without one, completes `readable$`; any other, and a message of text, is `connection-lost`.
 *
 * `WebSocketStream`, where there is one, needs none of this: `webDuplex(await new WebSocketStream(url).opened)`.
 *
 * @example
 * ```ts
 * new WebSocketServer({ port }).on('connection', (socket) => {
 *   const page = webSocketDuplex(socket); // at once: what comes before is lost
 *   connectTcp({ host, port: 22 }).pipe(switchMap((server) => splice(page, server))).subscribe();
 * });
 * ```
 */
export function webSocketDuplex(socket: WebSocketLike, options: WebSocketOptions = {}): ByteDuplex {
  if (socket.readyState === CONNECTING) {
    const message = 'the WebSocket is not open yet: connectWebSocket waits for it';
    throw new SshError('config', message, { option: 'socket' });
  }
  return new WebSocketDuplex(socket, options);
}

class WebSocketDuplex implements ByteDuplex {
  readonly readable$ = new Observable<Uint8Array>((reader) => this.#read(reader));
  readonly closed$: Observable<SshError | undefined>;
  readonly #closed = new AsyncSubject<SshError | undefined>();
  readonly #socket: WebSocketLike;
  readonly #options: WebSocketOptions;
  /** Received and not yet read. */
  readonly #arrived = new Fifo<Uint8Array>();
  #arrivedBytes = 0;
  /** Chunks that were read and are not acknowledged: meanwhile there is no other. */
  #held = 0;
  #reader: Subscriber<Uint8Array> | undefined;
  #isReading = false;
  /** What the reader is told behind what has come. */
  #end: { readonly error?: SshError } | undefined;
  #failure: SshError | undefined;
  /** We have closed it. */
  #isEnded = false;
  /** Of writes that are not done. */
  readonly #writing = new Fifo<() => void>();
  #look = Subscription.EMPTY;

  constructor(socket: WebSocketLike, options: WebSocketOptions) {
    this.#socket = socket;
    this.#options = options;
    this.closed$ = this.#closed.asObservable();
    // not Node's Buffers, which are as good
    if (socket.binaryType === 'blob') socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }) => this.#receive(data));
    socket.addEventListener('error', nothing);
    socket.addEventListener('close', ({ code, reason }) => {
      this.#finish(code === NORMAL || code === NO_CODE ? undefined : closedWith(code, reason));
      this.#letWritersGo();
      this.#closed.next(this.#failure);
      this.#closed.complete();
    });
    this.#pace();
  }

  write(bytes: Uint8Array, done: () => void): void {
    if (this.#isEnded || this.#socket.readyState !== OPEN) {
      done();
      return;
    }
    // a copy: not every socket is done with its bytes when `send` returns
    this.#socket.send(new Uint8Array(bytes));
    this.#writing.push(done);
    this.#letWritersGo();
  }

  end(): void {
    this.#close(NORMAL);
  }

  destroy(error?: SshError): void {
    this.#arrived.clear();
    this.#arrivedBytes = 0;
    this.#close(error === undefined ? NORMAL : ABORTED);
    this.#end = { error: connectionLost(new Error('destroyed')) };
    this.#handOver();
    this.#letWritersGo();
  }

  #close(code: number): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#socket.close(code);
    // the peer's answer is to be heard
    this.#socket.resume?.();
  }

  #receive(data: unknown): void {
    if (this.#end !== undefined) return;
    const bytes = bytesOf(data);
    if (bytes === undefined) {
      this.#fail(connectionLost(new Error('a message of text came over the WebSocket')));
      return;
    }
    this.#arrived.push(bytes);
    this.#arrivedBytes += costOf(bytes);
    this.#handOver();
    this.#letWritersGo();
    const limit = this.#options.maxWaiting ?? DEFAULT_MAX_WAITING;
    if (this.#arrivedBytes > limit) {
      const message = `more than ${String(limit)} bytes wait for their reader`;
      this.#fail(new SshError('overflow', message, { what: 'bytes received', limit }));
    }
  }

  /** Our own end of it, behind what has come. */
  #fail(error: SshError): void {
    this.#finish(error);
    this.#close(ABORTED);
  }

  #finish(error: SshError | undefined): void {
    if (this.#end !== undefined) return;
    this.#failure = error;
    this.#end = error === undefined ? {} : { error };
    this.#handOver();
  }

  #read(reader: Subscriber<Uint8Array>): void {
    if (this.#reader !== undefined) {
      reader.error(alreadyRead());
      return;
    }
    this.#reader = reader;
    this.#held = 0;
    reader.add(() => {
      this.#reader = undefined;
      this.#pace();
    });
    this.#handOver();
  }

  /** Gives the reader what has come; a loop, for what a reader does may let it have more. */
  #handOver(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    while (this.#reader !== undefined && this.#held === 0) {
      const bytes = this.#arrived.shift();
      if (bytes === undefined) break;
      this.#arrivedBytes -= costOf(bytes);
      this.#deliver(this.#reader, bytes);
    }
    this.#isReading = false;
    if (this.#end !== undefined && this.#arrived.length === 0) this.#endReader(this.#end.error);
    else this.#pace();
  }

  #deliver(reader: Subscriber<Uint8Array>, bytes: Uint8Array): void {
    this.#held++;
    deliver(reader, bytes, () => {
      // of a reader that has left, nothing is held
      if (this.#reader !== reader) return;
      this.#held--;
      if (!this.#isReading) queueMicrotask(() => this.#handOver());
    });
  }

  #endReader(error: SshError | undefined): void {
    if (error === undefined) this.#reader?.complete();
    else this.#reader?.error(error);
  }

  #pace(): void {
    const isTaken = this.#reader !== undefined && this.#held === 0 && this.#arrived.length === 0;
    if (isTaken || this.#isEnded) this.#socket.resume?.();
    else this.#socket.pause?.();
  }

  /** Writes are done when little enough has not left, or nothing will leave any more. */
  #letWritersGo(): void {
    const { readyState, bufferedAmount } = this.#socket;
    this.#look.unsubscribe();
    if (this.#isEnded || readyState !== OPEN || bufferedAmount <= MAX_BUFFERED)
      for (const done of this.#writing.takeAll()) done();
    else if (this.#writing.length > 0)
      this.#look = after(LOOK_TIME, () => this.#letWritersGo(), this.#options.scheduler);
  }
}

function costOf({ length }: Uint8Array): number {
  return Math.max(length, COST_OF_MESSAGE);
}

function bytesOf(data: unknown): Uint8Array | undefined {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return data instanceof Uint8Array ? plainBytes(data) : undefined;
}

function closedWith(code: number, reason: string): SshError<'connection-lost'> {
  const why = reason === '' ? '' : `: ${escapeText(reason)}`;
  return connectionLost(new Error(`the WebSocket was closed with ${String(code)}${why}`));
}

function nothing(): void {
  // `close` tells
}
