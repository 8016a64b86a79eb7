import type { OperatorFunction } from 'rxjs';
import { checkedPacketSize, type Inbound } from '../transport/direction.ts';
import { ByteWindow } from '../wire/byte-window.ts';
import { holdCredit, type Release } from './credit.ts';
import { lift } from './lift.ts';
import { RunQueue } from './run-queue.ts';

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
 * 1. Chunks are copied in: they need not be kept by whoever emits them.
 * 2. One packet is cut at a time, as a task on `queue`: what a packet leads to (new keys above all) is done before the next
 *    packet is measured.
 * 3. A packet_length out of bounds errors with `protocol` before anything is kept for it.
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
  return lift((out) => {
    const bytes = new ByteWindow();
    let packetSize = 0;
    let isScheduled = false;
    let isComplete = false;
    let isWaiting = false;
    let held: Release[] = [];

    const schedule = (): void => {
      if (isScheduled) return;
      isScheduled = true;
      queue.run(cut);
    };
    const cut = (): void => {
      isScheduled = false;
      if (out.closed) return;
      try {
        if (!inbound.gate.isOpen) {
          waitForGate();
          return;
        }
        const sealed = nextPacket();
        if (sealed === undefined) {
          bytes.settle();
          if (isComplete) out.complete();
          return;
        }
        out.next(sealed);
      } catch (thrown) {
        out.error(thrown);
        return;
      }
      schedule();
    };
    const nextPacket = (): SealedPacket | undefined => {
      const { opener } = inbound;
      if (bytes.length < opener.headLength) return undefined;
      if (packetSize === 0) {
        packetSize = checkedPacketSize(
          inbound,
          opener.packetLength(bytes.peek(opener.headLength), inbound.sequenceNumber),
        );
      }
      if (bytes.length < packetSize) return undefined;
      const sealed = { sequenceNumber: inbound.sequenceNumber, packet: bytes.take(packetSize) };
      inbound.sequenceNumber = (inbound.sequenceNumber + 1) >>> 0;
      inbound.packets++;
      inbound.bytes += packetSize;
      packetSize = 0;
      return sealed;
    };
    const release = (): void => {
      const releases = held;
      held = [];
      for (const each of releases) each();
    };
    const waitForGate = (): void => {
      if (isWaiting) return;
      isWaiting = true;
      inbound.gate.whenOpen(() => {
        isWaiting = false;
        release();
        schedule();
      });
    };
    return {
      next(chunk): void {
        bytes.append(chunk);
        if (!inbound.gate.isOpen) held.push(holdCredit());
        schedule();
      },
      complete(): void {
        isComplete = true;
        schedule();
      },
      teardown: release,
    };
  });
}
