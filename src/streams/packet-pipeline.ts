/**
 * The way of a byte. Read this page first: both pipes stand here as two expressions, and every name in them is one file in
 * src/operators/. The stages find the current keys in the `inbound` and `outbound` cells; the pipes are never rebuilt.
 */
import type { Observable } from 'rxjs';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { Message } from '../messages/catalogue.ts';
import { coalesce } from '../operators/coalesce.ts';
import { decode, type InboundMessage } from '../operators/decode.ts';
import { decrypt } from '../operators/decrypt.ts';
import { deflate } from '../operators/deflate.ts';
import { encode } from '../operators/encode.ts';
import { frame } from '../operators/frame.ts';
import { hold } from '../operators/hold.ts';
import { identify } from '../operators/identify.ts';
import { inflate } from '../operators/inflate.ts';
import { inspect, type Inspector } from '../operators/inspect.ts';
import { pad } from '../operators/pad.ts';
import type { RunQueue } from '../operators/run-queue.ts';
import { type Reserve, seal } from '../operators/seal.ts';
import { unpad } from '../operators/unpad.ts';
import { verifyCiphertext, verifyPlaintext } from '../operators/verify.ts';
import type { Inbound, Outbound } from '../transport/direction.ts';
import type { Identification } from '../transport/identification.ts';
import type { Role } from '../transport/role.ts';
import type { MessageTable } from '../wire/message.ts';
import type { ByteStream } from './byte-duplex.ts';

/** What the inbound pipe needs to know. */
export interface InboundContext {
  /** Ours. */
  readonly role: Role;
  /** The cell with the current keys. */
  readonly inbound: Inbound;
  /** The connection's run queue. */
  readonly queue: RunQueue;
  /** Receives the peer's identification, once. */
  identified(identification: Identification): void;
  /** The table by which a message of this number is read; see `decode`. */
  tableFor(number: number, sequenceNumber: number): MessageTable | undefined;
}

/** What the outbound pipe needs to know. */
export interface OutboundContext {
  /** The cell with the current keys. */
  readonly outbound: Outbound;
  /** The connection's run queue. */
  readonly queue: RunQueue;
  /** Gives the random padding. */
  readonly provider: CryptoProvider;
  /** Gives room for sealed packets. */
  readonly reserve: Reserve;
  /** Who looks at what leaves, if anybody does now. */
  inspector(): Inspector | undefined;
}

/** From the peer's bytes to its messages. */
export function inboundMessages(
  bytes$: ByteStream,
  context: InboundContext,
): Observable<InboundMessage> {
  const { role, inbound, queue } = context;
  return bytes$.pipe(
    identify(role, (identification) => context.identified(identification)),
    frame(inbound, queue),
    verifyCiphertext(inbound),
    decrypt(inbound),
    verifyPlaintext(inbound),
    unpad(),
    inflate(inbound),
    decode((number, sequenceNumber) => context.tableFor(number, sequenceNumber)),
  );
}

/** From our messages to batches of bytes. */
export function outboundBytes(
  messages$: Observable<Message>,
  context: OutboundContext,
): ByteStream {
  const { outbound, queue, provider, reserve } = context;
  return messages$.pipe(
    encode(),
    hold(outbound),
    inspect(outbound, () => context.inspector()),
    deflate(outbound),
    pad(outbound, provider),
    seal(outbound, reserve),
    coalesce(queue),
  );
}
