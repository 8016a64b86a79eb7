/**
 * `rxssh/server`: a server for any duplex. What needs Node (`listen`, `childProcess`) is in `rxssh` itself.
 *
 * @packageDocumentation
 */
export { authenticationMethods } from '../auth/authentication-methods.ts';
export { authorizedKeys } from '../auth/authorized-keys.ts';
export type {
  AuthAttemptInfo,
  AuthDecision,
  AuthPolicy,
  AuthReport,
  Challenge,
  Credential,
  PartialSuccess,
  Prompt,
} from '../auth/policy.ts';
export type { Admitted } from '../auth/server-login.ts';
export type { ServerAuthenticated } from '../auth/server.ts';
export type { ServerAuthOptions } from '../auth/server-options.ts';
export type { Permissions } from '../keys/permissions.ts';
export type { WindowSize } from '../messages/channel-requests.ts';
export type { TerminalModes } from '../messages/terminal-modes.ts';
export { parseModuli } from '../transport/moduli.ts';
export type { Proposal } from '../transport/negotiation.ts';
export type { ServerConnection } from './connection.ts';
export type { ConnectionEvent, ListenLimit, ServerEvent } from './events.ts';
export { type ExitResult, exitWith } from './exit-result.ts';
export type {
  DialHandler,
  DialRequest,
  ForwardHandlers,
  ListenHandler,
  ListenRequest,
} from './forwarding.ts';
export type { ServeOptions, ServerChannelHandler, ServerGlobalRequestHandler } from './options.ts';
export { type EndpointPermit, permitEndpoints } from './permit.ts';
export { serve } from './serve.ts';
export type {
  DeferredWork,
  ExecHandler,
  ServerSession,
  SessionHandler,
  SessionHandlers,
  SessionRequestHandler,
} from './session.ts';
export type { Pty, X11Display } from './session-state.ts';
