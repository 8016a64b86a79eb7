/** Two ends of a wire in memory: for tests, and for a client and a server in one process. */
import { asapScheduler, Observable, type SchedulerLike, type Subscriber } from 'rxjs';
import { SshError } from '../errors.ts';
import { deliver } from '../operators/credit.ts';
import { Fifo } from '../wire/fifo.ts';
import { alreadyRead, type ByteDuplex } from './byte-duplex.ts';

/** About what the buffers of a TCP connection take. */
const DEFAULT_CREDIT = 1024 * 1024;

/** How the wire behaves. */
export interface MemoryPairOptions {
  /** Bytes are handed over in pieces of at most this size; whole writes by default. */
  readonly chunk?: number;
  /** Milliseconds that each piece takes, by `scheduler`; without it, a piece arrives in a later microtask. */
  readonly latency?: number;
  /** Bytes that may be under way or unacknowledged in each direction before writes wait; 1 MiB by default. */
  readonly credit?: number;
  /** Where time comes from; rxjs's `asapScheduler` by default. */
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
  return [memoryDuplex(back, there), memoryDuplex(there, back)];
}

function memoryDuplex(incoming: MemoryWire, outgoing: MemoryWire): ByteDuplex {
  return {
    readable$: incoming.readable$,
    write: (bytes, done) => outgoing.write(bytes, done),
    end: () => outgoing.end(),
    destroy: () => {
      // as over TCP: behind an end, what was written still arrives
      if (!outgoing.isFinished) outgoing.cut();
      incoming.cut();
    },
  };
}

interface Piece {
  readonly bytes: Uint8Array;
  readonly done: () => void;
}

/** One direction. */
class MemoryWire {
  readonly readable$ = new Observable<Uint8Array>((reader) => this.#read(reader));
  readonly #options: MemoryPairOptions;
  readonly #scheduler: SchedulerLike;
  /** Written, not yet sent off. */
  readonly #waiting = new Fifo<Piece>();
  /** Arrived, not yet read. */
  readonly #arrived = new Fifo<Uint8Array>();
  /** Bytes that were sent off and are not acknowledged. */
  #outstanding = 0;
  /** Pieces that were read and are not acknowledged: while there is one the reader gets no other, as from a socket. */
  #held = 0;
  /** Pieces that were sent off and have not arrived. */
  #underWay = 0;
  #reader: Subscriber<Uint8Array> | undefined;
  #isReading = false;
  #isEnded = false;
  #hasEndArrived = false;
  #isCut = false;

  constructor(options: MemoryPairOptions) {
    this.#options = options;
    this.#scheduler = options.scheduler ?? asapScheduler;
  }

  /** Has everything been sent off, and the end behind it? */
  get isFinished(): boolean {
    return this.#isEnded && this.#waiting.length === 0 && this.#underWay === 0;
  }

  write(bytes: Uint8Array, done: () => void): void {
    if (this.#isCut || this.#isEnded || bytes.length === 0) {
      this.#later(done);
      return;
    }
    const size = Math.max(1, this.#options.chunk ?? bytes.length);
    for (let at = 0; at < bytes.length; at += size) {
      const isLast = at + size >= bytes.length;
      const piece = new Uint8Array(bytes.subarray(at, at + size));
      this.#waiting.push({ bytes: piece, done: isLast ? done : nothing });
    }
    this.#sendOff();
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#later(() => {
      this.#hasEndArrived = true;
      this.#handOver();
    });
  }

  /** An end is gone: what waits is done, the reader loses the connection. */
  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    for (const piece of this.#waiting.takeAll()) this.#later(piece.done);
    this.#arrived.takeAll();
    this.#later(() => this.#handOver());
  }

  #read(reader: Subscriber<Uint8Array>): void {
    if (this.#reader !== undefined) {
      reader.error(alreadyRead());
      return;
    }
    this.#reader = reader;
    reader.add(() => (this.#reader = undefined));
    this.#scheduler.schedule(() => this.#handOver());
  }

  #sendOff(): void {
    const { credit = DEFAULT_CREDIT } = this.#options;
    while (this.#outstanding < credit) {
      const piece = this.#waiting.shift();
      if (piece === undefined) return;
      this.#outstanding += piece.bytes.length;
      this.#underWay++;
      this.#later(() => {
        this.#underWay--;
        if (!this.#isCut) this.#arrived.push(piece.bytes);
        this.#handOver();
        piece.done();
      });
    }
  }

  /** Gives the reader what has arrived; a loop, because a reader may make more arrive. */
  #handOver(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    while (this.#reader !== undefined && this.#held === 0) {
      const bytes = this.#arrived.shift();
      if (bytes === undefined) break;
      this.#held++;
      deliver(this.#reader, bytes, () => this.#acknowledge(bytes.length), true);
      // a borrowed chunk: whoever has kept a view of it without a copy shall notice
      bytes.fill(0xdb);
    }
    this.#isReading = false;
    this.#finish();
  }

  #finish(): void {
    if (this.#isCut) {
      this.#reader?.error(new SshError('connection-lost', 'connection lost: cut', {}));
      return;
    }
    const isOnTheWay = this.#waiting.length > 0 || this.#underWay > 0 || this.#arrived.length > 0;
    if (this.#hasEndArrived && !isOnTheWay) this.#reader?.complete();
  }

  #acknowledge(length: number): void {
    this.#outstanding -= length;
    this.#held--;
    if (this.#isCut) return;
    this.#sendOff();
    if (!this.#isReading) this.#scheduler.schedule(() => this.#handOver());
  }

  #later(task: () => void): void {
    this.#scheduler.schedule(task, this.#options.latency ?? 0);
  }
}

function nothing(): void {
  // only the last piece of a write tells that it is done
}
