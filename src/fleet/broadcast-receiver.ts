/** One receiver of a broadcast: where it stands, and the pieces that it gets one after the other. */
import type { Subscriber } from 'rxjs';
import type { SshError } from '../errors.ts';
import { deliver, outsideDelivery } from '../operators/credit.ts';

/** What a port needs of its broadcast. */
export interface BroadcastLog {
  readonly piece: (number: number) => Uint8Array | undefined;
  readonly end: () => { readonly error?: unknown } | undefined;
  readonly moved: () => void;
}

/** A receiver's place in the log. */
export class BroadcastReceiver {
  readonly #log: BroadcastLog;
  #position = 0;
  #subscriber: Subscriber<Uint8Array> | undefined;
  #isWaiting = false;
  #isRunning = false;
  #dropped: SshError | undefined;

  constructor(log: BroadcastLog) {
    this.#log = log;
  }

  /** Number of the piece that it is not done with. */
  get position(): number {
    return this.#position;
  }

  get isOpen(): boolean {
    return this.#subscriber !== undefined;
  }

  /** Why nothing more comes. */
  get dropped(): SshError | undefined {
    return this.#dropped;
  }

  open(subscriber: Subscriber<Uint8Array>): void {
    this.#position = 0;
    this.#isWaiting = false;
    this.#subscriber = subscriber;
    this.run();
  }

  close(): void {
    this.#subscriber = undefined;
  }

  drop(error: SshError): void {
    this.#dropped = error;
    outsideDelivery(() => this.#subscriber?.error(error));
  }

  /** One piece at a time, the next when its credit is back; a loop, as receivers may be done at once. */
  run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    outsideDelivery(() => this.#runAll());
    this.#isRunning = false;
  }

  #runAll(): void {
    while (!this.#isWaiting) {
      const subscriber = this.#subscriber;
      if (subscriber === undefined || subscriber.closed) return;
      const piece = this.#log.piece(this.#position);
      if (piece === undefined) {
        const end = this.#log.end();
        if (end === undefined) return;
        // it may subscribe again at once: then the loop goes on with that
        finish(subscriber, end);
        continue;
      }
      this.#isWaiting = true;
      deliver(subscriber, piece, () => this.#acknowledge(subscriber));
    }
  }

  #acknowledge(subscriber: Subscriber<Uint8Array>): void {
    // of a subscription that is gone
    if (subscriber !== this.#subscriber) return;
    this.#isWaiting = false;
    this.#position++;
    this.#log.moved();
    this.run();
  }
}

function finish(subscriber: Subscriber<Uint8Array>, end: { readonly error?: unknown }): void {
  if ('error' in end) subscriber.error(end.error);
  else subscriber.complete();
}
