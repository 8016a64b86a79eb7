import type { OperatorFunction } from 'rxjs';
import type { Message } from '../messages/catalogue.ts';
import { type MessageTable, readMessage } from '../wire/message.ts';
import { Reader } from '../wire/reader.ts';
import { lift } from './lift.ts';
import type { InboundPayload } from './unpad.ts';

/** A message, with what an answer to it may have to name. */
export interface InboundMessage {
  /** Of its packet: what UNIMPLEMENTED names (RFC 4253 §11.4). */
  readonly sequenceNumber: number;
  /** Message number (RFC 4250 §4.1). */
  readonly number: number;
  /** `undefined` when the present phase has no message of this number. */
  readonly message: Message | undefined;
  /** Number and fields as they came; a KEXINIT's go into the exchange hash. */
  readonly payload: Uint8Array;
}

const CHANNEL_DATA = 94;

/**
 * Reads payloads by the rows of the table that is in force.
 *
 * 1. `tableFor` is asked for every payload before a byte of it is read: it may refuse a message that may not come now by
 *    throwing, and answers `undefined` for one to pass over.
 * 2. A truncated message, or one with bytes left over, errors with `protocol`.
 *
 * @param tableFor - number → the table to read it by
 */
export function decode(
  tableFor: (number: number, sequenceNumber: number) => MessageTable | undefined,
): OperatorFunction<InboundPayload, InboundMessage> {
  return lift((out) => ({
    next({ payload, sequenceNumber }): void {
      const number = payload[0] ?? 0;
      const table = tableFor(number, sequenceNumber);
      if (table === undefined) return;
      const row = table[number];
      const message =
        row === undefined
          ? undefined
          : number === CHANNEL_DATA
            ? channelData(payload)
            : (readMessage(row, payload) as Message);
      out.next({ sequenceNumber, number, message, payload });
    },
  }));
}

/** CHANNEL_DATA by hand: the one message whose count is the amount of data. Equal to its row, as a property spec shows. */
function channelData(payload: Uint8Array): Message {
  const reader = new Reader(payload, 'CHANNEL_DATA');
  reader.byte();
  const recipientChannel = reader.uint32();
  const data = reader.string();
  reader.end();
  return { type: 'CHANNEL_DATA', recipientChannel, data };
}
