/** A duplex that behaves as badly as a network can: it splits, joins, delays, stalls, and is cut at any byte. */
import { asapScheduler, Observable, type SchedulerLike, type Subscriber } from 'rxjs';
import { SshError } from '../../src/errors.ts';
import { deliver } from '../../src/operators/credit.ts';
import type { ByteDuplex } from '../../src/streams/byte-duplex.ts';

/** What goes wrong. */
export interface ChaosOptions {
  /** Arriving bytes come in pieces of this size, each in a task of its own. */
  readonly split?: number;
  /** Milliseconds, by `scheduler`, that each arriving piece takes longer. */
  readonly delay?: number;
  readonly scheduler?: SchedulerLike;
  /** The wire breaks when so many bytes have come in or gone out; later ones never get through. */
  readonly cut?: {
    readonly direction: 'in' | 'out';
    readonly at: number;
    /** `fin` is an orderly end of the peer's side, `reset` is none. */
    readonly how: 'fin' | 'reset';
  };
}

type Ending = 'fin' | 'reset';

/** Wraps a duplex. */
export class ChaosDuplex implements ByteDuplex {
  readonly readable$: Observable<Uint8Array>;
  /** Bytes so far. */
  received = 0;
  written = 0;
  readonly #inner: ByteDuplex;
  readonly #options: ChaosOptions;
  readonly #scheduler: SchedulerLike;
  /** What has come and was not handed on, with what acknowledges it. */
  readonly #arrived: { readonly bytes: Uint8Array; readonly done: () => void }[] = [];
  readonly #unwritten: { readonly bytes: Uint8Array; readonly done: () => void }[] = [];
  #reader: Subscriber<Uint8Array> | undefined;
  #innerEnd: (() => void) | undefined;
  #isReadStalled = false;
  #isWriteStalled = false;
  #isCut = false;

  constructor(inner: ByteDuplex, options: ChaosOptions = {}) {
    this.#inner = inner;
    this.#options = options;
    this.#scheduler = options.scheduler ?? asapScheduler;
    this.readable$ = new Observable((reader) => this.#read(reader));
  }

  write(bytes: Uint8Array, done: () => void): void {
    if (this.#isCut) {
      this.#later(done);
      return;
    }
    if (this.#isWriteStalled) {
      this.#unwritten.push({ bytes, done });
      return;
    }
    const { cut } = this.#options;
    const room = cut?.direction === 'out' ? cut.at - this.written : Number.POSITIVE_INFINITY;
    this.written += Math.min(bytes.length, room);
    if (bytes.length < room) {
      this.#inner.write(bytes, done);
      return;
    }
    this.#inner.write(bytes.subarray(0, room), () => undefined);
    this.#later(done);
    if (cut !== undefined) this.breakOff(cut.how);
  }

  end(): void {
    if (!this.#isCut) this.#inner.end();
  }

  destroy(): void {
    this.#inner.destroy();
  }

  /** Nothing comes in any more, until `false`: what is on the way waits, and its sender is not told that it was read. */
  stallRead(isStalled: boolean): void {
    this.#isReadStalled = isStalled;
    if (!isStalled) this.#later(() => this.#handOn());
  }

  /** Nothing goes out any more, until `false`, and no write is done. */
  stallWrite(isStalled: boolean): void {
    this.#isWriteStalled = isStalled;
    if (isStalled) return;
    for (const { bytes, done } of this.#unwritten.splice(0)) this.write(bytes, done);
  }

  /** The wire breaks now. */
  breakOff(how: Ending): void {
    if (this.#isCut) return;
    this.#isCut = true;
    for (const { done } of this.#unwritten.splice(0)) this.#later(done);
    this.#later(() => {
      if (how === 'fin') this.#reader?.complete();
      else this.#reader?.error(new SshError('connection-lost', 'connection lost: reset', {}));
      this.#inner.destroy();
    });
  }

  #read(reader: Subscriber<Uint8Array>): () => void {
    this.#reader = reader;
    const subscription = this.#inner.readable$.subscribe({
      next: (chunk) => this.#arrive(chunk),
      error: (error: unknown) => {
        this.#innerEnd = () => reader.error(error);
        this.#handOn();
      },
      complete: () => {
        this.#innerEnd = () => reader.complete();
        this.#handOn();
      },
    });
    return () => {
      this.#reader = undefined;
      subscription.unsubscribe();
    };
  }

  #arrive(chunk: Uint8Array): void {
    const size = this.#options.split ?? chunk.length;
    for (let at = 0; at < chunk.length; at += size)
      this.#arrived.push({ bytes: chunk.slice(at, at + size), done: () => undefined });
    if (this.#options.split === undefined && this.#options.delay === undefined) this.#handOn();
    else this.#later(() => this.#handOn());
  }

  #handOn(): void {
    if (this.#isReadStalled) return;
    const piece = this.#isCut ? undefined : this.#arrived.shift();
    if (piece === undefined || this.#reader === undefined) {
      if (!this.#isCut && this.#arrived.length === 0) this.#innerEnd?.();
      return;
    }
    const { cut } = this.#options;
    const room = cut?.direction === 'in' ? cut.at - this.received : Number.POSITIVE_INFINITY;
    const bytes = piece.bytes.subarray(0, Math.max(0, room));
    this.received += bytes.length;
    if (bytes.length > 0) deliver(this.#reader, bytes, piece.done);
    if (piece.bytes.length >= room && cut !== undefined) this.breakOff(cut.how);
    else if (this.#arrived.length > 0 || this.#innerEnd !== undefined)
      this.#later(() => this.#handOn());
  }

  #later(task: () => void): void {
    this.#scheduler.schedule(task, this.#options.delay ?? 0);
  }
}
