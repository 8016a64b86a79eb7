/**
 * rxssh: SSH-2 for reactive TypeScript. This is the portable core, without any Node built-in: connections run over a
 * `ByteDuplex`, and known hosts and keys come from the caller. On Node, `rxssh` is `node.ts`, which adds TCP, files and the agent.
 *
 * @packageDocumentation
 */
export { connect, type ConnectOptions, open } from './client/connect.ts';
export * from './portable.ts';
