import type { OperatorFunction } from 'rxjs';
import { encodeMessage, type Message } from '../messages/catalogue.ts';
import { PACKET_HEADER } from '../transport/padding.ts';
import { Writer } from '../wire/writer.ts';
import { lift } from './lift.ts';

/** One writer serves all connections: a payload is sealed, or copied to be held, before `next` returns. */
const writer = new Writer(33 * 1024, PACKET_HEADER);

/**
 * Writes messages as payloads. A payload comes as a {@link Writer} with room for the packet's header in front, and is good
 * until `next` returns: the stages behind frame it where it stands.
 */
export function encode(): OperatorFunction<Message, Writer> {
  return lift((out) => ({
    next(message): void {
      writer.reset();
      writer.title = message.type;
      if (message.type === 'CHANNEL_DATA') {
        // by hand, like its decoding: the one message that comes in bulk
        writer.byte(94).uint32(message.recipientChannel).string(message.data);
      } else {
        encodeMessage(message, writer);
      }
      out.next(writer);
    },
  }));
}
