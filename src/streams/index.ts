/**
 * Duplexes, the two pipes and the transport layer: what `connect` and `serve` are built of.
 *
 * @packageDocumentation
 */
export type { CryptoProvider } from '../crypto/provider.ts';
export type { Signer } from '../keys/signer.ts';
export type { Message } from '../messages/catalogue.ts';
export type { InboundMessage } from '../operators/decode.ts';
export { RunQueue } from '../operators/run-queue.ts';
export type { Reserve } from '../operators/seal.ts';
export type { Phase } from '../transport/admission.ts';
export type { Inbound, Outbound } from '../transport/direction.ts';
export type { Identification } from '../transport/identification.ts';
export type { Algorithms, DirectionAlgorithms, Proposal } from '../transport/negotiation.ts';
export { DEFAULT_REKEY_LIMITS, type RekeyLimits } from '../transport/rekey-policy.ts';
export type { Role } from '../transport/role.ts';
export type { MessageRow, MessageTable } from '../wire/message.ts';
export type { ByteDuplex, ByteStream, DuplexPeer } from './byte-duplex.ts';
export { byteSink, type ByteSink, type PumpOptions, type SinkTarget } from './byte-sink.ts';
export type { HostKeyClaim } from './key-exchange-context.ts';
export { memoryPair, type MemoryPairOptions } from './memory-pair.ts';
export {
  type InboundContext,
  inboundMessages,
  type OutboundContext,
  outboundBytes,
} from './packet-pipeline.ts';
export { openTransport, SshTransport } from './transport.ts';
export type { Handshake, TransportOptions } from './transport-options.ts';
export { connectWebSocket, type ConnectWebSocketOptions } from './connect-web-socket.ts';
export {
  type WebSocketClose,
  webSocketDuplex,
  type WebSocketLike,
  type WebSocketMessage,
  type WebSocketOptions,
} from './web-socket-duplex.ts';
export { webDuplex, type WebStreams } from './web-streams.ts';
