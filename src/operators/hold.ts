import type { MonoTypeOperatorFunction } from 'rxjs';
import { SshError } from '../errors.ts';
import type { Outbound } from '../transport/direction.ts';
import { PACKET_HEADER } from '../transport/padding.ts';
import { Writer } from '../wire/writer.ts';
import { lift } from './lift.ts';

/** What may wait for new keys. Channel data is not among it: it waits at its channels, whose writers feel it. */
const MAX_HELD_BYTES = 2 * 1024 * 1024;
/** What a held message takes besides its bytes: a peer that asks for a million empty replies must not get away with 1 MiB. */
const COST_OF_MESSAGE = 128;

const SERVICE_REQUEST = 5;
const SERVICE_ACCEPT = 6;
const LAST_KEX_METHOD = 49;

/**
 * Holds payloads back between our KEXINIT and our NEWKEYS, all but those that may leave then (RFC 4253 §7.1), and lets them
 * go in their order when the outbound gate opens. Errors with `overflow` past 2 MiB, each message counted as 128 bytes more.
 *
 * @param outbound - the cell whose gate says when
 */
export function hold(outbound: Outbound): MonoTypeOperatorFunction<Writer> {
  return lift((out) => {
    let held: Writer[] = [];
    let heldBytes = 0;
    const release = (): void => {
      const payloads = held;
      held = [];
      heldBytes = 0;
      for (const payload of payloads) out.next(payload);
    };
    const keep = (payload: Writer): void => {
      heldBytes += payload.length + COST_OF_MESSAGE;
      if (heldBytes > MAX_HELD_BYTES) {
        const detail = { what: 'messages held during a key exchange', limit: MAX_HELD_BYTES };
        throw new SshError(
          'overflow',
          'more than 2 MiB of messages wait for a key exchange',
          detail,
        );
      }
      if (held.length === 0) outbound.gate.whenOpen(release);
      const copy = new Writer(payload.length + 64, PACKET_HEADER).raw(payload.view());
      copy.title = payload.title;
      held.push(copy);
    };
    return {
      next(payload): void {
        if (outbound.gate.isOpen || mayLeave(payload.view()[0] ?? 0)) out.next(payload);
        else keep(payload);
      },
      teardown(): void {
        held = [];
      },
    };
  });
}

function mayLeave(number: number): boolean {
  return number <= LAST_KEX_METHOD && number !== SERVICE_REQUEST && number !== SERVICE_ACCEPT;
}
