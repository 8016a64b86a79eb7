/** `rxssh/server`: a server for any duplex. What needs Node (`listen`, `childProcess`) is in `rxssh` itself. */
export type { AuthAttemptInfo, AuthDecision, AuthPolicy, PartialSuccess } from '../auth/policy.ts';
export type { ServerAuthenticated, ServerAuthOptions } from '../auth/server.ts';
export type { ServerConnection } from './connection.ts';
export type { ConnectionEvent, ServerEvent } from './events.ts';
export { type ExitResult, exitWith } from './exit-result.ts';
export type { ServeOptions, ServerChannelHandler, ServerGlobalRequestHandler } from './options.ts';
export { serve } from './serve.ts';
export type {
  ExecHandler,
  ServerSession,
  SessionHandler,
  SessionHandlers,
  SessionRequestHandler,
} from './session.ts';
export type { Pty } from './session-state.ts';
