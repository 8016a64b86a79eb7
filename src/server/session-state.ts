/**
 * Which request a session channel grants when (RFC 4254 §6), as a pure reducer: a terminal, variables, agent and display before the start, one
 * start, sizes and signals after it. What is not on the list is refused.
 */
import {
  breakRequest,
  env,
  exec,
  ptyReq,
  signal,
  subsystem,
  windowChange,
  type WindowSize,
  x11Req,
} from '../messages/channel-requests.ts';
import type { Permissions } from '../keys/permissions.ts';
import { matchesWildcard } from '../keys/wildcards.ts';
import { decodeTerminalModes, type TerminalModes } from '../messages/terminal-modes.ts';
import { utf8Bytes, utf8Text } from '../wire/bytes.ts';

/** A terminal that the client has asked for (RFC 4254 §6.2); sizes in characters, and in pixels (0 where unknown). */
export interface Pty extends WindowSize {
  /** Value of the TERM variable: up to 64 letters, digits, `.`, `_`, `+` and `-`; empty where the client has none. */
  readonly term: string;
  /** Opcode → value (RFC 4254 §8). */
  readonly modes: TerminalModes;
}

/** The display that a client offers (RFC 4254 §6.3.1). */
export interface X11Display {
  /** At most one connection may be opened to it. */
  readonly singleConnection: boolean;
  /** `MIT-MAGIC-COOKIE-1`, for one: 1 to 64 letters, digits, `.`, `_`, `+` and `-`. */
  readonly authenticationProtocol: string;
  /** Hexadecimal digits, at most 1024: what a connection has to say, and secret. */
  readonly authenticationCookie: string;
  /** Screen of the display. */
  readonly screenNumber: number;
}

/** What a session is to do (RFC 4254 §6.5). */
export type SessionStart =
  | { readonly kind: 'shell' }
  | { readonly kind: 'exec'; readonly command: Uint8Array }
  | { readonly kind: 'subsystem'; readonly name: string };

/** A request that was read. */
export type SessionRequest =
  | { readonly type: 'pty'; readonly pty: Pty }
  | { readonly type: 'env'; readonly name: string; readonly value: string }
  | { readonly type: 'start'; readonly start: SessionStart }
  | { readonly type: 'resize'; readonly size: WindowSize }
  | { readonly type: 'signal'; readonly name: string }
  /** Milliseconds; 0 where the client does not care (RFC 4335). */
  | { readonly type: 'break'; readonly length: number }
  | { readonly type: 'agent' }
  | { readonly type: 'x11'; readonly display: X11Display }
  /** The client reads no more output (OpenSSH PROTOCOL 2.1). */
  | { readonly type: 'end-of-write' };

/** Where a session stands. */
export interface SessionState {
  readonly start: SessionStart | undefined;
  readonly pty: Pty | undefined;
  readonly env: ReadonlyMap<string, string>;
  /** May the client's agent be used? */
  readonly hasAgent: boolean;
  readonly x11: X11Display | undefined;
}

/** What may be asked for. */
export interface SessionRules {
  /** Names of variables; `*` stands for any characters, `?` for one. */
  readonly acceptEnv: readonly string[];
  /** What the login may do. */
  readonly permissions: Permissions;
  allowsPty(pty: Pty): boolean;
  allowsAgent(): boolean;
  allowsX11(display: X11Display): boolean;
}

/** A request, or: nobody has taken on what was to be started. */
export type SessionEvent = SessionRequest | { readonly type: 'not-started' };

/** What is to be done. */
export type SessionEffect =
  | { readonly type: 'refuse' }
  | { readonly type: 'grant' }
  | { readonly type: 'start'; readonly start: SessionStart }
  | { readonly type: 'resized'; readonly size: WindowSize }
  | { readonly type: 'signal'; readonly name: string }
  | { readonly type: 'break'; readonly length: number }
  | { readonly type: 'stop-output' };

/** A session that nothing was asked of yet. */
export function newSession({ environment = {} }: Permissions): SessionState {
  const env = new Map(Object.entries(environment));
  return { start: undefined, pty: undefined, env, hasAgent: false, x11: undefined };
}

/** Variables of one session: 64 of 4 KiB are 256 KiB at the most. */
const MAX_VARIABLES = 64;
const MAX_VARIABLE_LENGTH = 4096;
/** Name that every shell takes: no `=`, no NUL, nothing that a shell would take for a function. */
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** What the client has asked for where another command is forced, as sshd calls it. */
const ORIGINAL_COMMAND = 'SSH_ORIGINAL_COMMAND';
const MAX_COMMAND_LENGTH = 32 * 1024;
/** TERM, and the names of protocols: nothing that means something in a path or to a shell. */
const PLAIN_NAME = /^[A-Za-z0-9._+-]{1,64}$/;
const COOKIE = /^[0-9A-Fa-f]{0,1024}$/;
const SIGNAL_NAME = /^[A-Z0-9]{1,16}(@[a-z0-9.-]{1,46})?$/;

const REFUSE: SessionEffect = { type: 'refuse' };
const GRANT: SessionEffect = { type: 'grant' };

/**
 * Reads a request.
 *
 * @returns `undefined` for a type that is not one of a session's
 * @throws SshError `protocol` for a payload that is not what its type says
 */
export function readSessionRequest(type: string, payload: Uint8Array): SessionRequest | undefined {
  switch (type) {
    case 'pty-req': {
      const { terminalModes, ...pty } = ptyReq.decode(payload);
      return { type: 'pty', pty: { ...pty, modes: decodeTerminalModes(terminalModes) } };
    }
    case 'env':
      return { type: 'env', ...env.decode(payload) };
    case 'shell':
      return { type: 'start', start: { kind: 'shell' } };
    case 'exec':
      // a copy: the view would keep its whole packet
      return {
        type: 'start',
        start: { kind: 'exec', command: exec.decode(payload).command.slice() },
      };
    case 'subsystem':
      return { type: 'start', start: { kind: 'subsystem', name: subsystem.decode(payload).name } };
    case 'window-change':
      return { type: 'resize', size: windowChange.decode(payload) };
    case 'signal':
      return { type: 'signal', name: signal.decode(payload).name };
    case 'break':
      return { type: 'break', length: breakRequest.decode(payload).length };
    case 'auth-agent-req@openssh.com':
      return { type: 'agent' };
    case 'x11-req':
      return { type: 'x11', display: x11Req.decode(payload) };
    case 'eow@openssh.com':
      return { type: 'end-of-write' };
    default:
      return undefined;
  }
}

/** One step of a session. */
export function sessionReducer(
  state: SessionState,
  event: SessionEvent,
  rules: SessionRules,
): readonly [SessionState, SessionEffect] {
  switch (event.type) {
    case 'pty': {
      const isGranted =
        state.start === undefined &&
        state.pty === undefined &&
        (event.pty.term === '' || PLAIN_NAME.test(event.pty.term)) &&
        rules.permissions.pty !== false &&
        rules.allowsPty(event.pty);
      return isGranted ? [{ ...state, pty: event.pty }, GRANT] : [state, REFUSE];
    }
    case 'env':
      return setVariable(state, event.name, event.value, rules);
    case 'start':
      return state.start === undefined && isWithinLimits(event.start)
        ? begin(state, event.start, rules.permissions.command)
        : [state, REFUSE];
    case 'not-started':
      return [{ ...state, start: undefined }, REFUSE];
    case 'resize':
      return state.pty === undefined
        ? [state, REFUSE]
        : [
            { ...state, pty: { ...state.pty, ...event.size } },
            { type: 'resized', size: event.size },
          ];
    case 'signal':
      return mayDisturb(state, rules) && SIGNAL_NAME.test(event.name)
        ? [state, { type: 'signal', name: event.name }]
        : [state, REFUSE];
    case 'break':
      return mayDisturb(state, rules)
        ? [state, { type: 'break', length: event.length }]
        : [state, REFUSE];
    case 'agent': {
      const isGranted =
        state.start === undefined &&
        rules.permissions.agentForwarding !== false &&
        rules.allowsAgent();
      return isGranted ? [{ ...state, hasAgent: true }, GRANT] : [state, REFUSE];
    }
    case 'x11': {
      const { display } = event;
      const isGranted =
        state.start === undefined &&
        state.x11 === undefined &&
        PLAIN_NAME.test(display.authenticationProtocol) &&
        COOKIE.test(display.authenticationCookie) &&
        rules.permissions.x11Forwarding !== false &&
        rules.allowsX11(display);
      return isGranted ? [{ ...state, x11: display }, GRANT] : [state, REFUSE];
    }
    case 'end-of-write':
      return [state, { type: 'stop-output' }];
  }
}

/** Whatever was asked for becomes the forced command, if there is one. */
function begin(
  state: SessionState,
  asked: SessionStart,
  forced: string | undefined,
): readonly [SessionState, SessionEffect] {
  if (forced === undefined)
    return [
      { ...state, start: asked },
      { type: 'start', start: asked },
    ];
  const start: SessionStart = { kind: 'exec', command: utf8Bytes(forced) };
  const env = new Map(state.env);
  if (asked.kind === 'exec') env.set(ORIGINAL_COMMAND, utf8Text(asked.command));
  else if (asked.kind === 'subsystem') env.set(ORIGINAL_COMMAND, asked.name);
  else env.delete(ORIGINAL_COMMAND);
  return [
    { ...state, start, env },
    { type: 'start', start },
  ];
}

/** Who may run one command only may not disturb it either. */
function mayDisturb({ start }: SessionState, { permissions }: SessionRules): boolean {
  return start !== undefined && permissions.command === undefined;
}

function isWithinLimits(start: SessionStart): boolean {
  return start.kind !== 'exec' || start.command.length <= MAX_COMMAND_LENGTH;
}

function setVariable(
  state: SessionState,
  name: string,
  value: string,
  { acceptEnv, permissions }: SessionRules,
): readonly [SessionState, SessionEffect] {
  const isGranted =
    state.start === undefined &&
    VARIABLE_NAME.test(name) &&
    name !== ORIGINAL_COMMAND &&
    !Object.hasOwn(permissions.environment ?? {}, name) &&
    !value.includes('\0') &&
    name.length + utf8Bytes(value).length <= MAX_VARIABLE_LENGTH &&
    (state.env.has(name) || state.env.size < MAX_VARIABLES) &&
    acceptEnv.some((pattern) => matchesWildcard(name, pattern));
  if (!isGranted) return [state, REFUSE];
  return [{ ...state, env: new Map(state.env).set(name, value) }, GRANT];
}
