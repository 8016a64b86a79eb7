/** What both entries have: everything but `connect`, which knows more on Node. */
export {
  type AuthAttempt,
  type ConnectAttempt,
  type ErrorDetails,
  type ErrorKind,
  escapeText,
  type Exit,
  isSshError,
  type NegotiationFailure,
  SshError,
} from './errors.ts';

export { SshClient } from './client/client.ts';
export type { ClientParts, ConnectTimings } from './client/client-parts.ts';
export type { ClientOptions, ViaOptions } from './client/connect.ts';
export { type KnownIdentities, orderIdentities } from './client/identity-order.ts';
export { Dialogue, type Found, type WaitOptions } from './client/dialogue.ts';
export type { ExecEvent, ExecOptions } from './client/exec.ts';
export { describeExit, type ExitOptions } from './client/exit-rules.ts';
export type { HostKeysUpdate, HostKeysUpdatePolicy } from './client/host-key-updates.ts';
export type {
  HostKeyPolicy,
  HostKeyQuestion,
  KnownHostsStore,
} from './client/host-verification.ts';
export { indexedDbKnownHosts, type IndexedDbKnownHosts } from './client/known-hosts-indexed-db.ts';
export {
  collect,
  type CollectOptions,
  type CommandResult,
  exitStatus,
  output,
  stderr,
  stdout,
  text,
  type TextOptions,
} from './client/output-operators.ts';
export { lines, type LinesOptions, type TaggedLine } from './client/lines.ts';
export { type Command, commandLine } from './client/quote.ts';
export { type PtyOptions, SessionChannel } from './client/session.ts';
export type { RunOptions } from './client/run.ts';
export type { ShellOptions } from './client/shell.ts';
export {
  type Endpoint,
  endpointText,
  type TcpEndpoint,
  type UnixEndpoint,
} from './forwarding/endpoint.ts';
export {
  ForwardedConnection,
  type ForwardEvent,
  type ListenerEvent,
  type Listening,
} from './forwarding/forward.ts';
export type { RemoteListenOptions } from './forwarding/remote-listeners.ts';
export { splice, type SpliceCounters } from './forwarding/splice.ts';
export { parseTarget, type Target } from './client/target.ts';
export {
  reconnecting,
  type Reconnecting,
  type ReconnectOptions,
  type ReconnectState,
} from './client/reconnecting.ts';
export type { RetryDelay } from './client/retry-delay.ts';
export { type ClientTransferOptions, hasNoSftp } from './client/transfer.ts';
export {
  exec,
  session,
  sftp,
  shareClient,
  type ShareOptions,
  shell,
  withClient,
} from './client/with-client.ts';

export {
  Broadcast,
  broadcast,
  type BroadcastOptions,
  type BroadcastPort,
} from './fleet/broadcast.ts';
export { expandHosts, type ExpandHostsOptions } from './fleet/expand-hosts.ts';
export { fanOut, type FanOutOptions, type FleetTask, type FleetTaskInfo } from './fleet/fan-out.ts';
export type { FleetEvent, HostEvent } from './fleet/fleet-event.ts';
export { type FleetGroup, gather, type GatherOptions } from './fleet/gather.ts';
export type { HostRunOptions } from './fleet/host-run.ts';
export { shellStatus } from './fleet/shell-status.ts';
export { type FleetSummary, summary } from './fleet/summary.ts';

export { gateway, type GatewayTarget } from './gateway/gateway.ts';

export type { Authenticated } from './auth/client.ts';
export type {
  ClientAuthOptions,
  HostbasedIdentity,
  Identities,
  IdentitySource,
  InteractiveQuestion,
  PasswordChangeQuestion,
  PasswordQuestion,
  PasswordSource,
} from './auth/client-options.ts';
export { Channel, type ChannelContext } from './channels/channel.ts';
export type {
  ChannelOptions,
  ChannelRequest,
  ChannelRequestHandler,
} from './channels/channel-options.ts';
export {
  type ChannelOpenAnswer,
  type ChannelOpenHandler,
  type ChannelOpenRequest,
  type ConnectionOptions,
  SshConnection,
} from './channels/connection.ts';
export {
  type GlobalRequest,
  type GlobalRequestHandler,
  GlobalRequests,
} from './channels/global-requests.ts';
export type { ChannelOutput } from './channels/backlog.ts';
export type { KeepaliveOptions } from './channels/keepalive.ts';
export type { Verdict } from './operators/take-verdict.ts';
export type { ByteDuplex, ByteStream, DuplexPeer } from './streams/byte-duplex.ts';
export type { ByteSink, PumpOptions } from './streams/byte-sink.ts';
export type { HostKeyClaim } from './streams/key-exchange-context.ts';
export { memoryPair, type MemoryPairOptions } from './streams/memory-pair.ts';
export { SshTransport } from './streams/transport.ts';
export { type HexOptions, PacketEvent, type TraceEvent, type Tracer } from './streams/trace.ts';
export { traceLevel, traceText, type TraceTextOptions } from './streams/trace-text.ts';
export type {
  Handshake,
  HandshakeTimings,
  HandshakeWarning,
  TransportOptions,
} from './streams/transport-options.ts';
export type { Counters } from './transport/direction.ts';
export type { Message } from './messages/catalogue.ts';
export { sttyModes } from './messages/stty.ts';
export type { InboundMessage } from './operators/decode.ts';
export type { Phase } from './transport/admission.ts';
export type { Role } from './transport/role.ts';
export * as fields from './wire/field-kinds.ts';
export type { Field, Fields, StructOf } from './wire/fields.ts';
export type { MessageRow } from './wire/message.ts';
export { struct, type Struct, type StructValue } from './wire/struct.ts';
export {
  type Borrowed,
  deliver,
  holdCredit,
  isDelivering,
  keep,
  keepWhileHeld,
  outsideDelivery,
  type Release,
} from './operators/credit.ts';
export { batch, type BatchOptions } from './operators/batch.ts';
export { drain, type DrainOptions } from './operators/drain.ts';
export { splitLines, type SplitLinesOptions } from './operators/split-lines.ts';
export { toAsyncIterable, type ToAsyncIterableOptions } from './operators/to-async-iterable.ts';
export { toWebStream } from './operators/to-web-stream.ts';
export { connectWebSocket, type ConnectWebSocketOptions } from './streams/connect-web-socket.ts';
export {
  type WebSocketClose,
  webSocketDuplex,
  type WebSocketLike,
  type WebSocketMessage,
  type WebSocketOptions,
} from './streams/web-socket-duplex.ts';
export { webDuplex, type WebStreams } from './streams/web-streams.ts';
export { agentIdentities, type AgentOptions } from './auth/agent.ts';
export { fromPull, type Pullable } from './operators/from-pull.ts';
export { type ByteInput, toByteStream } from './operators/to-byte-stream.ts';
export type { GroupExchangeOptions } from './transport/kex-method.ts';
export type { Algorithms, DirectionAlgorithms } from './transport/negotiation.ts';
export {
  algorithmList,
  type AlgorithmList,
  algorithmNames,
  type AlgorithmOptions,
} from './transport/proposal.ts';
export type { RekeyLimits } from './transport/rekey-policy.ts';
export * from './server/index.ts';
export * from './sftp/index.ts';
export type {
  CryptoProvider,
  CurveName,
  DsaPrivateNumbers,
  DsaPublicNumbers,
  Encapsulation,
  GcmKey,
  HashName,
  KemKeyPair,
  KeyAgreement,
  ModpGroup,
  RsaPrivateNumbers,
  RsaPublicNumbers,
  SignatureHash,
  StreamCipher,
} from './crypto/provider.ts';
export { fingerprint } from './keys/fingerprint.ts';
export { formatPrivateKey, type FormatPrivateKeyOptions } from './keys/openssh-private-key.ts';
export { parsePrivateKey, type ParsePrivateKeyOptions } from './keys/private-key-file.ts';
export type {
  KnownHostsEntry,
  KnownHostsMarker,
  KnownHostsProblem,
} from './keys/known-hosts-lines.ts';
export type { KnownHosts, KnownHostsName, KnownHostsVerdict } from './keys/known-hosts.ts';
export {
  type GenerateOptions,
  generatePrivateKey,
  PrivateKey,
  type PrivateKeyMaterial,
  type PrivateKeyOptions,
} from './keys/private-key.ts';
export type { PublicKey, PublicKeyMaterial } from './keys/public-key.ts';
export type { Signer } from './keys/signer.ts';
export { nobleProvider } from './crypto/noble-provider.ts';
