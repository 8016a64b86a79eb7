/**
 * rxssh on Node: the portable core, and TCP, files, the agent and known_hosts by default.
 *
 * @packageDocumentation
 */
export { connect, type ConnectOptions, open } from './client/connect-node.ts';
export {
  identityFile,
  type IdentityFileOptions,
  type PassphraseSource,
} from './client/identity-files-node.ts';
export {
  forwardLocal,
  type ForwardOptions,
  forwardRemote,
  type ListenAt,
  type ListenOption,
  remoteSocksProxy,
  type RemoteSocksProxyOptions,
  socksProxy,
  type SocksProxyOptions,
} from './client/forward-node.ts';
export { httpAgent } from './client/http-agent-node.ts';
export { logFile, type LogFileOptions } from './client/log-file-node.ts';
export { knownHostsFiles } from './client/known-hosts-node.ts';
export { writePrivateKey, type WritePrivateKeyOptions } from './client/write-private-key-node.ts';
export { agentSocket } from './auth/agent-node.ts';
export { authorizedKeysFile } from './auth/authorized-keys-node.ts';
export { proxyCommand, type ProxyCommandOptions } from './client/proxy-command-node.ts';
export { nodeDuplex } from './streams/node-duplex-node.ts';
export { toNodeDuplex } from './streams/to-node-duplex-node.ts';
export { toNodeReadable, type ToNodeReadableOptions } from './streams/to-node-readable-node.ts';
export { listenUnix, type ListenUnixEvent } from './streams/listen-unix-node.ts';
export { type ListenEvent, listenTcp } from './streams/listen-tcp-node.ts';
export { connectTcp, connectUnix, type TcpOptions } from './streams/tcp-node.ts';
export { childProcess, type ChildProcessOptions, loginShell } from './server/child-process-node.ts';
export { hasTerminals } from './server/native-pty-node.ts';
export {
  type GatewayPorts,
  nodeDial,
  type NodeDialOptions,
  nodeListen,
  type NodeListenOptions,
} from './server/forward-node.ts';
export { listen, type ListenOptions } from './server/listen-node.ts';
export type { ListenerOptions } from './server/listener.ts';
export type { Penalties } from './server/penalties.ts';
export type { SourcePrefix } from './server/source.ts';
export type { MaxStartups } from './server/startups.ts';
export {
  nodeFileSystem,
  type NodeFileSystemOptions,
} from './sftp/file-systems/node-file-system-node.ts';
export { localFiles } from './sftp/transfer/local-files-node.ts';
export { nodeProvider } from './crypto/node-provider.ts';
export * from './portable.ts';
