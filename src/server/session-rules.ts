/** The rules of one session: what its login may, and what the handlers grant. */
import type { ServerSession, SessionHandlers } from './session.ts';
import type { SessionRules } from './session-state.ts';

/** @param failed - is told what a handler has thrown: that refuses, as does any answer but `true` */
export function sessionRules(
  { pty, agent, x11, acceptEnv = [] }: SessionHandlers,
  session: ServerSession,
  failed: (error: unknown) => void,
): SessionRules {
  const allows = <F>(policy: boolean | F | undefined, ask: (policy: F) => unknown): boolean => {
    try {
      return policy === true || (typeof policy === 'function' && ask(policy) === true);
    } catch (thrown) {
      failed(thrown);
      return false;
    }
  };
  return {
    acceptEnv,
    permissions: session.login.permissions,
    allowsPty: (asked) => allows(pty, (ask) => ask(asked, session)),
    allowsAgent: () => allows(agent, (ask) => ask(session)),
    allowsX11: (display) => allows(x11, (ask) => ask(display, session)),
  };
}
