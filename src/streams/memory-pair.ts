/** Two ends of a wire in memory: for tests, and for a client and a server in one process. */
import { asapScheduler, Observable, type SchedulerLike, type Subscriber } from 'rxjs';
import { SshError } from '../errors.ts';
import { deliver } from '../operators/credit.ts';
import type { ByteDuplex } from './byte-duplex.ts';

/** How the wire behaves. */
export interface MemoryPairOptions {
  /** Bytes are handed over in pieces of at most this size; whole writes by default. */
  readonly chunk?: number;
  /** Milliseconds that each piece takes, by `scheduler`; without it, a piece arrives in a later microtask. */
  readonly latency?: number;
  /** Bytes that may be under way or unacknowledged in each direction before writes wait; unlimited by default. */
  readonly credit?: number;
  readonly scheduler?: SchedulerLike;
}

/**
 * Makes a pair of duplexes: what one writes, the other reads.
 *
 * @param options - chunking, latency and credit of both directions
 */
export function memoryPair(options: MemoryPairOptions = {}): readonly [ByteDuplex, ByteDuplex] {
  const there = new MemoryWire(options);
  const back = new MemoryWire(options);
  return [new MemoryDuplex(back, there), new MemoryDuplex(there, back)];
}

interface Piece {
  readonly bytes: Uint8Array;
  readonly done: () => void;
}

/** One direction. */
class MemoryWire {
  readonly #options: MemoryPairOptions;
  readonly #scheduler: SchedulerLike;
  /** Written, not yet sent off. */
  #waiting: Piece[] = [];
  /** Sent off, not yet delivered. */
  #arriving: Uint8Array[] = [];
  #outstanding = 0;
  #reader: Subscriber<Uint8Array> | undefined;
  #isEnded = false;
  #isCut = false;

  constructor(options: MemoryPairOptions) {
    this.#options = options;
    this.#scheduler = options.scheduler ?? asapScheduler;
  }

  read(): Observable<Uint8Array> {
    return new Observable((reader) => {
      this.#reader = reader;
      this.#later(() => this.#arrive());
      return () => {
        if (this.#reader === reader) this.#reader = undefined;
      };
    });
  }

  write(bytes: Uint8Array, done: () => void): void {
    if (this.#isCut || this.#isEnded) {
      this.#later(done);
      return;
    }
    const size = this.#options.chunk ?? bytes.length;
    for (let at = 0; at < bytes.length; at += size) {
      const isLast = at + size >= bytes.length;
      this.#waiting.push({ bytes: bytes.slice(at, at + size), done: isLast ? done : nothing });
    }
    this.#sendOff();
  }

  end(): void {
    this.#isEnded = true;
    this.#later(() => this.#arrive());
  }

  /** The other end is gone: what waits is done, the reader loses the connection. */
  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#arriving = [];
    for (const piece of waiting) this.#later(piece.done);
    this.#later(() =>
      this.#reader?.error(new SshError('connection-lost', 'connection lost: cut', {})),
    );
  }

  #sendOff(): void {
    const credit = this.#options.credit ?? Number.POSITIVE_INFINITY;
    for (;;) {
      const piece = this.#waiting[0];
      if (piece === undefined || this.#outstanding >= credit) return;
      this.#waiting.shift();
      this.#outstanding += piece.bytes.length;
      this.#arriving.push(piece.bytes);
      this.#later(() => this.#arrive());
      this.#later(piece.done);
    }
  }

  #arrive(): void {
    const reader = this.#reader;
    if (reader === undefined || this.#isCut) return;
    const bytes = this.#arriving.shift();
    if (bytes === undefined) {
      if (this.#isEnded && this.#waiting.length === 0) reader.complete();
      return;
    }
    deliver(reader, bytes, () => {
      this.#outstanding -= bytes.length;
      // a borrowed chunk: whoever kept a view of it without a copy shall notice
      bytes.fill(0xdb);
      this.#sendOff();
    });
    if (this.#arriving.length > 0 || this.#isEnded) this.#later(() => this.#arrive());
  }

  #later(task: () => void): void {
    this.#scheduler.schedule(task, this.#options.latency ?? 0);
  }
}

class MemoryDuplex implements ByteDuplex {
  readonly readable$: Observable<Uint8Array>;
  readonly #incoming: MemoryWire;
  readonly #outgoing: MemoryWire;

  constructor(incoming: MemoryWire, outgoing: MemoryWire) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.readable$ = incoming.read();
  }

  write(bytes: Uint8Array, done: () => void): void {
    this.#outgoing.write(bytes, done);
  }

  end(): void {
    this.#outgoing.end();
  }

  destroy(): void {
    this.#outgoing.cut();
    this.#incoming.cut();
  }
}

function nothing(): void {
  // only the last piece of a write tells that it is done
}
