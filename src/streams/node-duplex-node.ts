/** Node's duplex streams as byte duplexes: pipes, child processes, TLS, whatever is a `Duplex`. */
import type { Duplex } from 'node:stream';
import { Observable, type Subscriber } from 'rxjs';
import type { SshError } from '../errors.ts';
import { deliver } from '../operators/credit.ts';
import { plainBytes } from '../wire/bytes.ts';
import { alreadyRead, type ByteDuplex, type DuplexPeer } from './byte-duplex.ts';
import { connectionLost } from './ending.ts';

/**
 * Makes a byte duplex of a Node `Duplex` that carries bytes.
 *
 * 1. The stream is paused until `readable$` is subscribed, and while a chunk's credit is held.
 * 2. Errors of the stream, before or after subscription, are `connection-lost`; none is ever uncaught.
 * 3. Bytes are copied when they are written: a stream may keep what it has said to be done with.
 *
 * @example
 * ```ts
 * connect({ duplex: nodeDuplex(tlsSocket), user: 'deploy' });
 * ```
 */
export function nodeDuplex(stream: Duplex): ByteDuplex {
  stream.pause();
  return new StreamDuplex(stream, {
    isBorrowed: false,
    copies: true,
    // what others make of `writev` is not always sound
    gathers: false,
    attach: (receive) => {
      stream.on('data', receive);
      return () => stream.off('data', receive);
    },
  });
}

/**
 * Milliseconds that one chunk may take before the others get a turn: Node reads a socket up to 32 times in a row, and 2 MiB of
 * tiny packets would keep everyone else waiting for half a second.
 */
const LONG = 1;

/** What Node's TCP sockets can do besides; of other sockets it would be an error. */
interface Resettable {
  resetAndDestroy(): void;
}

function canReset(stream: Duplex & Partial<Resettable>): stream is Duplex & Resettable {
  // whoever has ended has said all
  if (stream.destroyed || stream.writableEnded) return false;
  return 'remotePort' in stream && stream.remotePort !== undefined;
}

/** How a stream is read and written. */
export interface StreamTraits {
  /** A chunk is the stream's again when `receive` has returned. */
  readonly isBorrowed: boolean;
  /** The stream may keep bytes that it has called back for. */
  readonly copies: boolean;
  /** What is written in one turn leaves together: for a socket, in one call of the kernel. */
  readonly gathers: boolean;
  readonly peer?: DuplexPeer | undefined;
  /** Sends chunks to `receive` until the returned function is called. */
  attach(receive: (chunk: Uint8Array) => void): () => void;
}

/** A paused Node stream as a byte duplex. */
export class StreamDuplex implements ByteDuplex {
  readonly peer?: DuplexPeer;
  readonly readable$ = new Observable<Uint8Array>((reader) => this.#read(reader));
  readonly closed$ = new Observable<SshError | undefined>((observer) => this.#whenClosed(observer));
  readonly #stream: Duplex;
  readonly #traits: StreamTraits;
  readonly #writing = new Set<() => void>();
  #isRead = false;
  #isDestroyed = false;
  #failure: Error | undefined;

  constructor(stream: Duplex, traits: StreamTraits) {
    this.#stream = stream;
    this.#traits = traits;
    if (traits.peer !== undefined) this.peer = traits.peer;
    // errors also come when nobody reads, and must never be uncaught
    stream.on('error', (error) => (this.#failure ??= error));
    stream.once('close', () => this.#writesAreOver());
  }

  write(bytes: Uint8Array, done: () => void): void {
    const stream = this.#stream;
    if (stream.destroyed || !stream.writable) {
      done();
      return;
    }
    const written = (): void => {
      if (this.#writing.delete(written)) done();
    };
    this.#writing.add(written);
    if (this.#traits.gathers) this.#gather();
    stream.write(this.#traits.copies ? new Uint8Array(bytes) : bytes, written);
  }

  end(): void {
    if (this.#stream.writable) this.#stream.end();
  }

  destroy(error?: SshError): void {
    const stream = this.#stream;
    this.#isDestroyed = true;
    // what was written in this turn leaves, as what was written in the ones before
    stream.uncork();
    if (error !== undefined && canReset(stream)) stream.resetAndDestroy();
    else stream.destroy();
    // a stream that wraps another may never call back, nor close
    this.#writesAreOver();
  }

  /**
   * The turn ends with its promises: whoever awaits one command and then runs the next has the CLOSE of the one and the OPEN of
   * the other leave together. A tick that a microtask asks for comes when no microtask is left.
   */
  #gather(): void {
    const stream = this.#stream;
    if (stream.writableCorked > 0) return;
    stream.cork();
    queueMicrotask(() => process.nextTick(() => stream.uncork()));
  }

  #read(reader: Subscriber<Uint8Array>): void {
    const stream = this.#stream;
    if (this.#isRead) {
      reader.error(alreadyRead());
      return;
    }
    const ended = (): void => reader.complete();
    const lost = (): void => {
      // a stream that is destroyed behind its end is no loss for whoever reads
      if (stream.readableEnded) reader.complete();
      else reader.error(connectionLost(this.#failure ?? stream.errored ?? undefined));
    };
    if (stream.destroyed || stream.readableEnded || this.#failure !== undefined) {
      lost();
      return;
    }
    this.#isRead = true;
    stream.on('end', ended).on('error', lost).on('close', lost);
    const detach = this.#traits.attach(this.#receiver(reader));
    reader.add(() => {
      this.#isRead = false;
      detach();
      stream.off('end', ended).off('error', lost).off('close', lost);
      stream.pause();
    });
    stream.resume();
  }

  #whenClosed(observer: Subscriber<SshError | undefined>): void {
    const stream = this.#stream;
    const tell = (): void => {
      observer.next(this.#failure === undefined ? undefined : connectionLost(this.#failure));
      observer.complete();
    };
    if (stream.closed) {
      tell();
      return;
    }
    stream.once('close', tell);
    observer.add(() => stream.off('close', tell));
  }

  /** Pauses the stream while a chunk is held, and for a turn of the loop when a chunk has taken long. */
  #receiver(reader: Subscriber<Uint8Array>): (chunk: Uint8Array) => void {
    const stream = this.#stream;
    let outstanding = 0;
    const acknowledge = (): void => {
      outstanding--;
      if (outstanding === 0 && !reader.closed && stream.isPaused()) stream.resume();
    };
    return (chunk) => {
      // a stream goes on with what it has buffered
      if (this.#isDestroyed) return;
      outstanding++;
      const began = performance.now();
      deliver(reader, plainBytes(chunk), acknowledge, this.#traits.isBorrowed);
      if (performance.now() - began > LONG) {
        outstanding++;
        setImmediate(acknowledge);
      }
      if (outstanding > 0) stream.pause();
    };
  }

  /** A stream that is destroyed in the middle of a write need not call back. */
  #writesAreOver(): void {
    for (const written of [...this.#writing]) written();
  }
}
