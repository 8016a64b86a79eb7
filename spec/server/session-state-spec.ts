import { describe, expect, it } from '@jest/globals';
import {
  breakRequest,
  env,
  exec,
  ptyReq,
  signal,
  subsystem,
  windowChange,
  x11Req,
} from '../../src/messages/channel-requests.ts';
import type { Permissions } from '../../src/keys/permissions.ts';
import { encodeTerminalModes } from '../../src/messages/terminal-modes.ts';
import {
  newSession,
  type Pty,
  readSessionRequest,
  type SessionEvent,
  sessionReducer,
  type SessionRules,
  type SessionState,
  type X11Display,
} from '../../src/server/session-state.ts';
import { utf8Bytes } from '../../src/wire/bytes.ts';
import { processorTime } from '../support/processor-time.ts';

const SIZE = { columns: 80, rows: 24, widthPixels: 0, heightPixels: 0 };
const PTY: Pty = { ...SIZE, term: 'xterm-256color', modes: new Map([[3, 127]]) };
const RULES: SessionRules = {
  acceptEnv: ['LANG', 'LC_*', 'X?'],
  allowsPty: () => true,
  allowsAgent: () => true,
  allowsX11: () => true,
  permissions: {},
};
const NOTHING: SessionRules = {
  acceptEnv: [],
  allowsPty: () => false,
  allowsAgent: () => false,
  allowsX11: () => false,
  permissions: {},
};
const DISPLAY: X11Display = {
  ...{ singleConnection: false, authenticationProtocol: 'MIT-MAGIC-COOKIE-1' },
  ...{ authenticationCookie: 'c0ffee', screenNumber: 0 },
};
const EXEC: SessionEvent = {
  type: 'start',
  start: { kind: 'exec', command: new Uint8Array([0x69, 0x64]) },
};
const SHELL: SessionEvent = { type: 'start', start: { kind: 'shell' } };

/** The state after these events, and what the last of them has come to. */
function after(
  events: readonly SessionEvent[],
  rules = RULES,
): { readonly state: SessionState; readonly effect: string } {
  let state = newSession(rules.permissions);
  let effect = '';
  for (const event of events) {
    const [next, { type }] = sessionReducer(state, event, rules);
    state = next;
    effect = type;
  }
  return { state, effect };
}

describe('sessionReducer', () => {
  const pty: SessionEvent = { type: 'pty', pty: PTY };
  const variable = (name: string, value = 'x'): SessionEvent => ({ type: 'env', name, value });
  const term = (name: string): SessionEvent => ({ type: 'pty', pty: { ...PTY, term: name } });
  const resize: SessionEvent = { type: 'resize', size: { ...SIZE, columns: 132 } };
  const agent: SessionEvent = { type: 'agent' };
  const x11 = (more: Partial<X11Display> = {}): SessionEvent => ({
    type: 'x11',
    display: { ...DISPLAY, ...more },
  });
  const kill = (name: string): SessionEvent => ({ type: 'signal', name });

  it.each<readonly [string, readonly SessionEvent[], string]>([
    ['a terminal', [pty], 'grant'],
    ['a second terminal', [pty, pty], 'refuse'],
    ['a terminal after the start', [EXEC, pty], 'refuse'],
    ['a terminal without a name', [term('')], 'grant'],
    ['a terminal of 65 letters', [term('x'.repeat(65))], 'refuse'],
    ['a terminal that is a path', [term('../x')], 'refuse'],
    ['a start', [EXEC], 'start'],
    ['a second start', [EXEC, SHELL], 'refuse'],
    ['a start after one that nobody took on', [EXEC, { type: 'not-started' }, SHELL], 'start'],
    ['a size', [pty, resize], 'resized'],
    ['a size without a terminal', [resize], 'refuse'],
    ['a signal', [EXEC, kill('TERM')], 'signal'],
    ['a signal before the start', [kill('TERM')], 'refuse'],
    ['a signal of its own name', [EXEC, kill('hup@example.org')], 'refuse'],
    ['a private signal', [EXEC, kill('FOO@example.org')], 'signal'],
    ['a signal with a line end', [EXEC, kill('TERM\n')], 'refuse'],
    ['a break', [EXEC, { type: 'break', length: 0 }], 'break'],
    ['a break before the start', [{ type: 'break', length: 0 }], 'refuse'],
    ['an agent', [agent], 'grant'],
    ['an agent after the start', [EXEC, agent], 'refuse'],
    ['a display', [x11()], 'grant'],
    ['a second display', [x11(), x11()], 'refuse'],
    ['a display after the start', [EXEC, x11()], 'refuse'],
    ['a display whose protocol is a command', [x11({ authenticationProtocol: ';id' })], 'refuse'],
    ['a display whose cookie is a command', [x11({ authenticationCookie: '`id`' })], 'refuse'],
    ['a cookie of 1025 digits', [x11({ authenticationCookie: 'a'.repeat(1025) })], 'refuse'],
    ['the end of reading', [EXEC, { type: 'end-of-write' }], 'stop-output'],
    ['a variable', [variable('LANG')], 'grant'],
    ['a variable by a pattern', [variable('LC_ALL')], 'grant'],
    ['a variable by a pattern of one letter', [variable('XY')], 'grant'],
    ['a variable that a pattern only begins like', [variable('XYZ')], 'refuse'],
    ['a variable that no pattern knows', [variable('LANGUAGE')], 'refuse'],
    ['LD_PRELOAD', [variable('LD_PRELOAD')], 'refuse'],
    ['NODE_OPTIONS', [variable('NODE_OPTIONS')], 'refuse'],
    ['a variable after the start', [EXEC, variable('LANG')], 'refuse'],
    ['an assignment for a name', [variable('LC_X=1')], 'refuse'],
    ['a line end in a name', [variable('LC_X=1\nPATH')], 'refuse'],
    ['a function for a shell', [variable('LC_X()', '() { :; }; id')], 'refuse'],
    ['NUL in a value', [variable('LANG', 'a\0b')], 'refuse'],
    ['a line end in a value', [variable('LANG', 'a\nb')], 'grant'],
    ['a value of 4 KiB', [variable('LANG', 'x'.repeat(4092))], 'grant'],
    ['a value past 4 KiB', [variable('LANG', 'x'.repeat(4093))], 'refuse'],
    ['a value past 4 KiB in UTF-8', [variable('LANG', 'é'.repeat(2047))], 'refuse'],
  ])('%s', (_name, events, effect) => {
    expect(after(events).effect).toBe(effect);
  });

  it.each([
    ['a terminal', pty],
    ['a variable', variable('LANG')],
    ['an agent', agent],
    ['a display', x11()],
  ])('grants %s to nobody unless told to', (_name, event) => {
    expect(after([event], NOTHING)).toEqual({ state: newSession({}), effect: 'refuse' });
  });

  it('refuses a command past 32 KiB', () => {
    const command = new Uint8Array(32 * 1024 + 1);
    const start = (bytes: Uint8Array): SessionEvent => ({
      type: 'start',
      start: { kind: 'exec', command: bytes },
    });
    expect(after([start(command)]).effect).toBe('refuse');
    expect(after([start(command.subarray(1))]).effect).toBe('start');
  });

  it('keeps 64 variables, and the newest value of each', () => {
    const names = Array.from({ length: 64 }, (_, at) => `LC_${at}`);
    const full = names.map((name) => variable(name));
    expect(after([...full, variable('LC_X')]).effect).toBe('refuse');
    const { state, effect } = after([...full, variable('LC_0', 'new')]);
    expect([effect, state.env.size, state.env.get('LC_0')]).toEqual(['grant', 64, 'new']);
  });

  it('keeps the newest size', () => {
    expect(after([pty, resize]).state.pty).toEqual({ ...PTY, columns: 132 });
  });

  it('compares a name with a hostile pattern in good time', () => {
    const rules = { ...RULES, acceptEnv: [`${'*a'.repeat(30)}b`] };
    const spent = processorTime();
    expect(after([variable('a'.repeat(4000))], rules).effect).toBe('refuse');
    expect(spent()).toBeLessThan(500);
  });
});

describe('readSessionRequest', () => {
  it.each([
    [
      'pty-req',
      ptyReq.encode({ ...PTY, terminalModes: encodeTerminalModes(PTY.modes) }),
      { type: 'pty', pty: PTY },
    ],
    ['env', env.encode({ name: 'a', value: 'b' }), { type: 'env', name: 'a', value: 'b' }],
    ['shell', new Uint8Array(0), SHELL],
    ['exec', exec.encode({ command: new Uint8Array([0x69, 0x64]) }), EXEC],
    [
      'subsystem',
      subsystem.encode({ name: 'sftp' }),
      { type: 'start', start: { kind: 'subsystem', name: 'sftp' } },
    ],
    ['window-change', windowChange.encode(SIZE), { type: 'resize', size: SIZE }],
    ['signal', signal.encode({ name: 'INT' }), { type: 'signal', name: 'INT' }],
    ['eow@openssh.com', new Uint8Array(0), { type: 'end-of-write' }],
    ['break', breakRequest.encode({ length: 500 }), { type: 'break', length: 500 }],
    ['auth-agent-req@openssh.com', new Uint8Array(0), { type: 'agent' }],
    ['x11-req', x11Req.encode(DISPLAY), { type: 'x11', display: DISPLAY }],
    ['xon-xoff', new Uint8Array([1]), undefined],
    ['toString', new Uint8Array(0), undefined],
  ])('%s', (type, payload, request) => {
    expect(readSessionRequest(type, payload)).toEqual(request);
  });

  it.each(['pty-req', 'env', 'exec', 'subsystem', 'window-change', 'signal', 'break', 'x11-req'])(
    'a truncated %s is a typed error',
    (type) => {
      for (let length = 0; length < 4; length++) {
        const attempt = (): unknown => readSessionRequest(type, new Uint8Array(length));
        expect(attempt).toThrow(expect.objectContaining({ kind: 'protocol' }));
      }
    },
  );

  it('does not keep the packet that a command came in', () => {
    const packet = new Uint8Array(1000);
    packet.set(exec.encode({ command: new Uint8Array([0x69]) }), 500);
    const request = readSessionRequest('exec', packet.subarray(500, 505));
    packet.fill(0xff);
    expect(request).toEqual({
      type: 'start',
      start: { kind: 'exec', command: new Uint8Array([0x69]) },
    });
  });
});

describe('sessionReducer, for a login with permissions', () => {
  const rules = (permissions: Permissions): SessionRules => ({
    ...{ ...RULES, acceptEnv: ['*'], permissions },
  });
  const forced = rules({ command: 'date', environment: { A: '1' } });
  const sftp: SessionEvent = { type: 'start', start: { kind: 'subsystem', name: 'sftp' } };
  const env = (state: SessionState): unknown => Object.fromEntries(state.env);

  it.each<[string, readonly SessionEvent[], Readonly<Record<string, string>>]>([
    ['an exec', [EXEC], { A: '1', SSH_ORIGINAL_COMMAND: 'id' }],
    ['a subsystem', [sftp], { A: '1', SSH_ORIGINAL_COMMAND: 'sftp' }],
    ['a shell', [SHELL], { A: '1' }],
    ['a shell after an exec that nobody took', [EXEC, { type: 'not-started' }, SHELL], { A: '1' }],
  ])('makes %s the forced command', (_what, events, variables) => {
    const { state, effect } = after(events, forced);
    expect(effect).toBe('start');
    expect(state.start).toEqual({ kind: 'exec', command: utf8Bytes('date') });
    expect(env(state)).toEqual(variables);
  });

  it.each<SessionEvent>([
    { type: 'signal', name: 'KILL' },
    { type: 'break', length: 500 },
  ])('refuses a $type to a forced command (C20)', (event) => {
    expect(after([EXEC, event], forced).effect).toBe('refuse');
    expect(after([EXEC, event], rules({})).effect).not.toBe('refuse');
  });

  it('gives variables that the client cannot change', () => {
    const { state, effect } = after([{ type: 'env', name: 'A', value: '2' }], forced);
    expect(effect).toBe('refuse');
    expect(env(state)).toEqual({ A: '1' });
  });

  it('lets no client say what it has asked for', () => {
    const said: SessionEvent = { type: 'env', name: 'SSH_ORIGINAL_COMMAND', value: 'x' };
    expect(after([said], rules({})).effect).toBe('refuse');
  });

  it.each<[string, keyof Permissions, SessionEvent]>([
    ['a terminal', 'pty', { type: 'pty', pty: PTY }],
    ['an agent', 'agentForwarding', { type: 'agent' }],
    ['a display', 'x11Forwarding', { type: 'x11', display: DISPLAY }],
  ])('refuses %s that the login may not have', (_what, name, event) => {
    expect(after([event], rules({ [name]: false })).effect).toBe('refuse');
    expect(after([event], rules({ [name]: true })).effect).toBe('grant');
  });
});
