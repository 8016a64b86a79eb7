import type { OperatorFunction, Subscriber } from 'rxjs';
import { checkedPacketSize, type Inbound } from '../transport/direction.ts';
import { ByteWindow } from '../wire/byte-window.ts';
import { holdCredit, type Release } from './credit.ts';
import { lift, type Stage } from './lift.ts';
import { RunQueue } from './run-queue.ts';
import { macError } from './verify.ts';

/** A packet as it came, and what has become of it so far. */
export interface SealedPacket {
  /** Of this packet in its direction (RFC 4253 §6.4). */
  readonly sequenceNumber: number;
  /** `packet_length | … | tag` as on the wire: a view that is good while the packet travels down the pipe. */
  readonly packet: Uint8Array;
}

/**
 * Cuts a byte stream into sealed packets (RFC 4253 §6).
 *
 * 1. Chunks need not be kept by whoever emits them: packets are read where they lie, and what is left of a chunk is copied.
 * 2. One packet is cut at a time, as a task on `queue`: what a packet leads to (new keys above all) is done before the next
 *    packet is measured.
 * 3. A packet_length out of bounds errors with `protocol` before anything is kept for it.
 *    Under CBC nothing is told before as many bytes have come as the longest packet has (see `Opener.concealsFaults`).
 * 4. While the inbound gate is closed nothing is cut, and the credit of arriving chunks is held.
 * 5. Completes when the source does; bytes of an incomplete packet are then left over and dropped.
 *
 * @param inbound - the cell with the current keys
 * @param queue - the connection's run queue
 */
export function frame(
  inbound: Inbound,
  queue: RunQueue = new RunQueue(),
): OperatorFunction<Uint8Array, SealedPacket> {
  return lift((out) => new Framer(inbound, queue, out));
}

class Framer implements Stage<Uint8Array> {
  readonly #inbound: Inbound;
  readonly #queue: RunQueue;
  readonly #out: Subscriber<SealedPacket>;
  readonly #bytes = new ByteWindow();
  /** Size of the packet that is being waited for; 0 where its length is not known yet. */
  #packetSize = 0;
  #isScheduled = false;
  #isComplete = false;
  #isWaiting = false;
  #held: Release[] = [];

  constructor(inbound: Inbound, queue: RunQueue, out: Subscriber<SealedPacket>) {
    this.#inbound = inbound;
    this.#queue = queue;
    this.#out = out;
  }

  next(chunk: Uint8Array): void {
    this.#bytes.lend(chunk);
    if (!this.#inbound.gate.isOpen) this.#held.push(holdCredit());
    this.#schedule();
    // a queue that is running cuts later
    this.#bytes.keep();
  }

  complete(): void {
    this.#isComplete = true;
    this.#schedule();
  }

  teardown(): void {
    const held = this.#held;
    this.#held = [];
    for (const release of held) release();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#queue.run(this.#cut);
  }

  readonly #cut = (): void => {
    this.#isScheduled = false;
    if (this.#out.closed) return;
    if (!this.#inbound.gate.isOpen) {
      this.#waitForGate();
      return;
    }
    try {
      const sealed = this.#nextPacket();
      if (sealed === undefined) {
        this.#bytes.settle();
        if (this.#isComplete) this.#out.complete();
        return;
      }
      this.#out.next(sealed);
    } catch (thrown) {
      this.#out.error(thrown);
      return;
    }
    this.#schedule();
  };

  #nextPacket(): SealedPacket | undefined {
    const inbound = this.#inbound;
    const bytes = this.#bytes;
    const { headLength } = inbound.opener;
    if (inbound.discard !== undefined) {
      this.#discard(inbound.discard);
      return undefined;
    }
    if (bytes.length < headLength) return undefined;
    if (this.#packetSize === 0) {
      const head = bytes.peek(headLength);
      const packetLength = inbound.opener.packetLength(head, inbound.sequenceNumber);
      const packetSize = checkedPacketSize(inbound, packetLength);
      if (packetSize === undefined) return this.#nextPacket();
      this.#packetSize = packetSize;
    }
    const size = this.#packetSize;
    if (bytes.length < size) return undefined;
    const sealed = { sequenceNumber: inbound.sequenceNumber, packet: bytes.take(size) };
    inbound.sequenceNumber = (inbound.sequenceNumber + 1) >>> 0;
    inbound.packets++;
    inbound.bytes += size;
    this.#packetSize = 0;
    return sealed;
  }

  /** Throws away what comes behind a concealed fault, and then tells it. */
  #discard(left: number): void {
    const taken = Math.min(left, this.#bytes.length);
    this.#bytes.take(taken);
    this.#inbound.discard = left - taken;
    if (taken === left) throw macError();
  }

  #waitForGate(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#inbound.gate.whenOpen(() => {
      this.#isWaiting = false;
      this.teardown();
      this.#schedule();
    });
  }
}
