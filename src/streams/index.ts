/**
 * Duplexes, the two pipes and the transport layer: what `connect` and `serve` are built of.
 *
 * @packageDocumentation
 */
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
export { webDuplex } from './web-streams.ts';
