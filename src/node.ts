/**
 * rxssh on Node: the portable core, and TCP, files, the agent and known_hosts by default.
 *
 * @packageDocumentation
 */
export { connect, type ConnectOptions } from './client/connect-node.ts';
export {
  identityFile,
  type IdentityFileOptions,
  type PassphraseSource,
} from './client/identity-files-node.ts';
export { knownHostsFiles } from './client/known-hosts-node.ts';
export { connectTcp, connectUnix, listenTcp, type TcpOptions } from './streams/tcp-node.ts';
export * from './portable.ts';
