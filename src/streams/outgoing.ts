/** The outgoing half of a transport: messages in, batches of bytes to the duplex, and the pace at which bulk data may follow. */
import { Subject, type Subscription } from 'rxjs';
import type { CryptoProvider } from '../crypto/provider.ts';
import { SshError } from '../errors.ts';
import type { Message } from '../messages/catalogue.ts';
import type { Inspector } from '../operators/inspect.ts';
import type { RunQueue } from '../operators/run-queue.ts';
import { initialOutbound } from '../transport/direction.ts';
import { Fifo } from '../wire/fifo.ts';
import type { ByteDuplex } from './byte-duplex.ts';
import { asSshError } from './ending.ts';
import { OutgoingBatches } from './outgoing-batches.ts';
import { outboundBytes } from './packet-pipeline.ts';

/** Bulk data waits at its channels while this much is sealed and not yet written. */
const WRITABLE_BELOW = 512 * 1024;
/** A peer that makes us answer and does not read the answers is let go when this much waits for it. */
const MAX_PENDING = 3 * 1024 * 1024;
/** What a write that is not done takes besides its bytes: a peer that asks one packet at a time gets a write for each. */
const COST_OF_WRITE = 256;

/** What the outgoing half has to know of the rest. */
export interface OutgoingContext {
  /** Have the keys to be changed before more bulk data is sent? */
  isWornOut(): boolean;
  /** Who looks at what leaves, if anybody does now. */
  inspector(): Inspector | undefined;
}

/** Sends the messages of one connection. */
export class Outgoing {
  /** The cell with the current keys. */
  readonly cell = initialOutbound();
  readonly #duplex: ByteDuplex;
  readonly #queue: RunQueue;
  readonly #context: OutgoingContext;
  readonly #messages = new Subject<Message>();
  readonly #batches = new OutgoingBatches();
  readonly #waiting = new Fifo<() => void>();
  #writes = 0;

  constructor(duplex: ByteDuplex, queue: RunQueue, context: OutgoingContext) {
    this.#duplex = duplex;
    this.#queue = queue;
    this.#context = context;
  }

  /** May bulk data be sent now? */
  get isWritable(): boolean {
    return this.cell.gate.isOpen && this.#pending < WRITABLE_BELOW && !this.#context.isWornOut();
  }

  /** What waits for the peer, in bytes of memory. */
  get #pending(): number {
    return this.#batches.pending + this.#writes * COST_OF_WRITE;
  }

  /** Connects the pipe to the duplex and writes the identification line. */
  start(provider: CryptoProvider, identification: Uint8Array): Subscription {
    const context = {
      outbound: this.cell,
      queue: this.#queue,
      provider,
      reserve: this.#batches.reserve,
      inspector: () => this.#context.inspector(),
    };
    const pipe = outboundBytes(this.#messages, context).subscribe({
      next: (batch) => this.#write(batch),
      error: (error: unknown) => this.#fail(asSshError(error)),
    });
    const line = this.#batches.reserve(identification.length + 2);
    line.set(identification);
    line.set([0x0d, 0x0a], identification.length);
    this.#write(line);
    return pipe;
  }

  /** Sends a message at the end of this turn of the run queue. Ends the connection with `overflow` when the peer does not read. */
  send(message: Message): void {
    this.#messages.next(message);
    if (this.#pending > MAX_PENDING) {
      const detail = { what: 'bytes waiting for the peer', limit: MAX_PENDING };
      // not thrown: it is nothing to whoever happens to send this message
      this.#fail(new SshError('overflow', 'the peer does not read what it asks for', detail));
    }
    // outside of a task nobody else would write the turn out
    this.#queue.run(nothing);
  }

  /** Calls back once when bulk data may be sent again. */
  whenWritable(resume: () => void): void {
    this.#waiting.push(resume);
  }

  /** Lets those who wait go on, the longest waiting first, as long as there is room: who fills it up waits behind the others. */
  resumeWriters(): void {
    if (this.#waiting.length === 0 || !this.isWritable) return;
    this.#queue.run(() => {
      while (this.isWritable) {
        const resume = this.#waiting.shift();
        if (resume === undefined) return;
        resume();
      }
    });
  }

  /** A last message, past what is held for a key exchange, and nothing after it. */
  finish(farewell: Message | undefined): void {
    this.#waiting.clear();
    if (farewell !== undefined) this.#messages.next(farewell);
    this.#messages.complete();
  }

  /** What a task throws ends the connection. */
  #fail(error: SshError): void {
    this.#queue.run(() => {
      throw error;
    });
  }

  #write(batch: Uint8Array): void {
    this.#writes++;
    this.#duplex.write(batch, () => {
      this.#writes--;
      this.#batches.release(batch);
      this.resumeWriters();
    });
  }
}

function nothing(): void {
  // the queue only has to run dry
}
