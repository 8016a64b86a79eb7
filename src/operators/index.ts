/**
 * The stages of the pipeline and the operators of credit, each usable alone: for a sniffer, a replay, a test, a protocol of
 * your own.
 *
 * @packageDocumentation
 */
export type { CryptoProvider } from '../crypto/provider.ts';
export type { Opener, PacketShape, Sealer } from '../crypto/suite.ts';
export type { Message } from '../messages/catalogue.ts';
export { CONNECTION_MESSAGES, type ConnectionMessage } from '../messages/connection.ts';
export { ECDH_MESSAGES, GROUP_EXCHANGE_MESSAGES, type KexMessage } from '../messages/kex.ts';
export { TRANSPORT_MESSAGES, type TransportMessage } from '../messages/transport.ts';
export {
  USERAUTH_CLIENT_MESSAGES,
  USERAUTH_METHOD_MESSAGES,
  USERAUTH_SERVER_MESSAGES,
  type UserauthMessage,
} from '../messages/userauth.ts';
export {
  type Gate,
  type Inbound,
  initialInbound,
  initialOutbound,
  type LoginMark,
  type Outbound,
} from '../transport/direction.ts';
export type { PayloadCodec } from '../crypto/compression.ts';
export type { Identification } from '../transport/identification.ts';
export type { Role } from '../transport/role.ts';
export type { Field, FieldKind, Fields, FieldValue, StructOf } from '../wire/fields.ts';
export {
  type MessageOf,
  type MessageRow,
  type MessageTable,
  messageTable,
} from '../wire/message.ts';
export { Reader } from '../wire/reader.ts';
export { Writer } from '../wire/writer.ts';
export { batch, type BatchOptions } from './batch.ts';
export { coalesce } from './coalesce.ts';
export {
  type Borrowed,
  deliver,
  holdCredit,
  isDelivering,
  keep,
  keepWhileHeld,
  outsideDelivery,
  type Release,
} from './credit.ts';
export { decode, type InboundMessage } from './decode.ts';
export { decrypt, type DecryptedPacket } from './decrypt.ts';
export { deflate } from './deflate.ts';
export { drain, type DrainOptions } from './drain.ts';
export { encode } from './encode.ts';
export { frame, type SealedPacket } from './frame.ts';
export { fromInput } from './from-input.ts';
export { fromPull, type Pullable } from './from-pull.ts';
export { hold } from './hold.ts';
export { identify } from './identify.ts';
export { inflate } from './inflate.ts';
export { inspect, type Inspector } from './inspect.ts';
export { lift, type Stage } from './lift.ts';
export { LineSplitter } from './line-splitter.ts';
export { nest } from './nest.ts';
export { pad } from './pad.ts';
export { RunQueue } from './run-queue.ts';
export { type Reserve, seal } from './seal.ts';
export { splitLines, type SplitLinesOptions } from './split-lines.ts';
export { toAsyncIterable, type ToAsyncIterableOptions } from './to-async-iterable.ts';
export { type ByteInput, toByteStream } from './to-byte-stream.ts';
export { toWebStream } from './to-web-stream.ts';
export { type InboundPayload, unpad } from './unpad.ts';
export { verifyCiphertext, verifyPlaintext } from './verify.ts';
