/** The user's shell, on a terminal or without one. */
import { concat, concatMap, EMPTY, type Observable, of } from 'rxjs';
import type { ChannelOptions } from '../channels/channel-options.ts';
import type { SshConnection } from '../channels/connection.ts';
import { openSession, type PtyOptions, type SessionChannel } from './session.ts';

/** How a shell is started. */
export interface ShellOptions extends ChannelOptions {
  /** The terminal to ask for; `xterm-256color` of 80 by 24 unless said otherwise. `false` is none: a shell that is fed a script. */
  readonly pty?: boolean | PtyOptions;
  /** Variables of the environment, as far as the server allows them. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Starts the user's shell on a session channel of its own (RFC 4254 §6.5). Cold: emits the session once when the server has started
 * the shell, and completes when it is closed; unsubscribing closes it. Errors with `channel-open`, `request-refused`, `timeout`, or
 * what ended the connection.
 */
export function startShell(
  connection: SshConnection,
  { pty = true, env = {}, ...channel }: ShellOptions = {},
): Observable<SessionChannel> {
  return openSession(connection, channel).pipe(
    concatMap((session) => {
      for (const [name, value] of Object.entries(env)) session.setEnv(name, value);
      const terminal$ = pty === false ? EMPTY : session.requestPty(pty === true ? {} : pty);
      return concat(terminal$, session.shell(), of(session));
    }),
  );
}
