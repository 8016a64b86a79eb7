import type { OperatorFunction } from 'rxjs';
import { encodeMessage, type Message } from '../messages/catalogue.ts';
import { PACKET_HEADER } from '../transport/padding.ts';
import { Writer } from '../wire/writer.ts';
import { lift } from './lift.ts';

/** Largest message that is sent at once: keeps the one buffer of a connection small. */
const KEPT_CAPACITY = 1024;

/** The writer of bulk data is shared: a packet is sealed before `next` returns, so no two connections need it at once. */
const bulkWriter = new Writer(33 * 1024, PACKET_HEADER);

/**
 * Writes messages as payloads. A payload comes as a {@link Writer} with room for the packet's header in front, and is good
 * until `next` returns: the stages behind frame it where it stands.
 */
export function encode(): OperatorFunction<Message, Writer> {
  return lift((out) => {
    const writer = new Writer(KEPT_CAPACITY, PACKET_HEADER);
    return {
      next(message): void {
        if (message.type === 'CHANNEL_DATA') {
          const { recipientChannel, data } = message;
          bulkWriter.reset().byte(94).uint32(recipientChannel).string(data);
          out.next(bulkWriter);
          return;
        }
        encodeMessage(message, writer.reset());
        out.next(writer);
      },
    };
  });
}
