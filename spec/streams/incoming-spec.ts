/** Which message reaches whom: the incoming half of a transport, without a wire. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { isSshError } from '../../src/errors.ts';
import { encodeMessage, type Message } from '../../src/messages/catalogue.ts';
import { CONNECTION_MESSAGES } from '../../src/messages/connection.ts';
import { ECDH_MESSAGES } from '../../src/messages/kex.ts';
import { USERAUTH_SERVER_MESSAGES } from '../../src/messages/userauth.ts';
import { Incoming } from '../../src/streams/incoming.ts';
import { MAX_PACKET_LENGTH, MAX_PACKET_LENGTH_BEFORE_AUTH } from '../../src/transport/direction.ts';
import { initialKexState, type KexState } from '../../src/transport/kex-state.ts';
import type { Role } from '../../src/transport/role.ts';
import { readMessage } from '../../src/wire/message.ts';
import { Writer } from '../../src/wire/writer.ts';

let calls: string[] = [];
let kex: KexState;

beforeEach(() => {
  calls = [];
});

function incoming(role: Role, state: Partial<KexState> = {}): Incoming {
  kex = { ...initialKexState(role), initial: false, ...state };
  const told =
    (name: string) =>
    (...facts: readonly unknown[]): void => {
      const simple = facts.filter((fact) => typeof fact !== 'object');
      calls.push([name, ...simple].join(' '));
    };
  return new Incoming(role, {
    kexState: () => kex,
    disconnected: told('disconnected'),
    debug: told('debug'),
    service: (message) => calls.push(`service ${message.serviceName}`),
    kexInit: told('kexInit'),
    newKeys: told('newKeys'),
    wrongGuess: () => {
      kex = { ...kex, ignoreGuess: false };
      calls.push('wrongGuess');
    },
    kexMessages: () => ECDH_MESSAGES,
    kexMethod: (message) => calls.push(`kexMethod ${message.type}`),
    ping: (data) => calls.push(`ping ${String(data.length)}`),
    upper: ({ number }) => calls.push(`upper ${String(number)}`),
    notUnderstood: told('notUnderstood'),
  });
}

/** Receives a payload as the pipe does: by its number first, and by its row where there is one. */
function receivePayload(to: Incoming, payload: Uint8Array, sequenceNumber = 7): void {
  const number = payload[0]!;
  const table = to.tableFor(number, sequenceNumber);
  if (table === undefined) return;
  const row = table[number];
  const message = row === undefined ? undefined : (readMessage(row, payload) as Message);
  to.dispatch({ sequenceNumber, number, message, payload });
}

function receive(to: Incoming, message: Message): void {
  const writer = new Writer();
  encodeMessage(message, writer);
  receivePayload(to, writer.bytes());
}

function extInfo(value: string): Message {
  const extensions = [{ name: 'server-sig-algs', value: Buffer.from(value) }];
  return { type: 'EXT_INFO', extensions };
}

const init: Message = { type: 'KEX_ECDH_INIT', clientPublicKey: new Uint8Array(32) };

describe('messages of the transport layer', () => {
  it('go to who handles them', () => {
    const to = incoming('server');
    receive(to, { type: 'IGNORE', data: new Uint8Array(3) });
    receive(to, { type: 'DEBUG', alwaysDisplay: true, message: 'hello', languageTag: '' });
    receive(to, { type: 'DISCONNECT', reasonCode: 2, description: 'bye', languageTag: '' });
    expect(calls).toEqual(['debug hello true', 'disconnected 2 bye']);
  });

  it('go to the channels when something of theirs was not understood, and to nobody before there are any', () => {
    const to = incoming('client');
    receive(to, { type: 'UNIMPLEMENTED', packetSequenceNumber: 9 });
    expect(calls).toEqual([]);
    to.enterPhase('connection', CONNECTION_MESSAGES);
    receive(to, { type: 'UNIMPLEMENTED', packetSequenceNumber: 9 });
    expect(calls).toEqual(['upper 3']);
  });

  it('that are unknown are answered by their sequence number, and not read', () => {
    const to = incoming('client');
    receivePayload(to, Uint8Array.of(15, 1, 2, 3), 123);
    expect(calls).toEqual(['notUnderstood 123']);
  });

  it('that ask for a service may come when one is due, once', () => {
    const to = incoming('server');
    const request: Message = { type: 'SERVICE_REQUEST', serviceName: 'ssh-userauth' };
    expect(() => receive(to, request)).toThrow('message 5 is not allowed now');
    to.expectService();
    receive(to, request);
    expect(() => receive(to, request)).toThrow('message 5 is not allowed now');
    expect(calls).toEqual(['service ssh-userauth']);
  });
});

describe('T18: the last sequence number', () => {
  const ignore = Uint8Array.of(2, 0, 0, 0, 0);

  it('may not be reached before there are keys', () => {
    const to = incoming('server', { initial: true });
    receivePayload(to, ignore, 0xffff_fffe);
    expect(() => receivePayload(to, ignore, 0xffff_ffff)).toThrow('too many packets before');
  });

  it('is followed by the first one when there are', () => {
    const to = incoming('server');
    for (const number of [0xffff_fffe, 0xffff_ffff, 0, 1]) receivePayload(to, ignore, number);
    expect(calls).toEqual([]);
  });
});

describe('a wrong guess', () => {
  it('is passed over, once, and what comes behind it counts', () => {
    const to = incoming('server', { step: 'exchanging', ignoreGuess: true });
    receive(to, init);
    expect(calls).toEqual(['wrongGuess']);
    receive(to, init);
    expect(calls).toEqual(['wrongGuess', 'kexMethod KEX_ECDH_INIT']);
  });

  it.each([30, 31, 34, 49])('may have the number %d, and any bytes', (number) => {
    const to = incoming('server', { step: 'exchanging', ignoreGuess: true });
    receivePayload(to, Uint8Array.of(number, 0xff, 0xff));
    receive(to, init);
    expect(calls).toEqual(['wrongGuess', 'kexMethod KEX_ECDH_INIT']);
  });

  it('is not what other messages are taken for', () => {
    const to = incoming('server', { step: 'exchanging', ignoreGuess: true });
    receive(to, { type: 'IGNORE', data: new Uint8Array(0) });
    expect(calls).toEqual([]);
    expect(kex.ignoreGuess).toBe(true);
  });

  it('excuses no message of a method that the method has not', () => {
    const to = incoming('server', { step: 'exchanging' });
    expect(() => receivePayload(to, Uint8Array.of(34, 0))).toThrow(
      'message 34 is not expected now',
    );
  });
});

describe('EXT_INFO', () => {
  const newKeys = (to: Incoming): void => {
    kex = { ...kex, step: 'awaiting-newkeys' };
    receive(to, { type: 'NEWKEYS' });
    kex = { ...kex, step: 'idle' };
  };

  it.each(['client', 'server'] as const)('stands directly behind NEWKEYS (%s)', (role) => {
    const to = incoming(role);
    newKeys(to);
    receive(to, extInfo('a'));
    expect(Buffer.from(to.extensions.get('server-sig-algs')!).toString()).toBe('a');
  });

  it.each(['client', 'server'] as const)('stands nowhere else (%s)', (role) => {
    const to = incoming(role);
    expect(() => receive(to, extInfo('a'))).toThrow('EXT_INFO out of place');
    const later = incoming(role);
    newKeys(later);
    receive(later, { type: 'IGNORE', data: new Uint8Array(0) });
    expect(() => receive(later, extInfo('a'))).toThrow('EXT_INFO out of place');
  });

  it('comes to a client once more before it is logged in, and replaces what was said', () => {
    const to = incoming('client');
    newKeys(to);
    receive(to, extInfo('a'));
    to.enterPhase('userauth', USERAUTH_SERVER_MESSAGES);
    receive(to, extInfo('b'));
    expect(Buffer.from(to.extensions.get('server-sig-algs')!).toString()).toBe('b');
    expect(() => receive(to, extInfo('c'))).toThrow('EXT_INFO out of place');
  });

  it('comes to a server once', () => {
    const to = incoming('server');
    newKeys(to);
    receive(to, extInfo('a'));
    newKeys(to);
    expect(() => receive(to, extInfo('b'))).toThrow('EXT_INFO out of place');
  });
});

describe('messages of the layers above', () => {
  it('may come when their phase has begun', () => {
    const to = incoming('client');
    const data: Message = {
      type: 'CHANNEL_DATA',
      recipientChannel: 0,
      data: new Uint8Array(1),
    };
    expect(() => receive(to, data)).toThrow('message 94 is not allowed now');
    to.enterPhase('connection', CONNECTION_MESSAGES);
    receive(to, data);
    expect(calls).toEqual(['upper 94']);
  });

  it('are no PING and no PONG', () => {
    const to = incoming('client');
    const ping: Message = { type: 'PING', data: new Uint8Array(3) };
    expect(() => receive(to, ping)).toThrow('message 192 is not allowed now');
    to.enterPhase('connection', CONNECTION_MESSAGES);
    receive(to, ping);
    receive(to, { type: 'PONG', data: new Uint8Array(3) });
    expect(calls).toEqual(['ping 3']);
  });

  it('that are unknown are answered from 80 on, and refused below', () => {
    const to = incoming('client');
    to.enterPhase('connection', CONNECTION_MESSAGES);
    receivePayload(to, Uint8Array.of(194, 1), 55);
    expect(calls).toEqual(['notUnderstood 55']);
    to.enterPhase('userauth', USERAUTH_SERVER_MESSAGES);
    try {
      receivePayload(to, Uint8Array.of(59));
    } catch (error) {
      expect(isSshError(error, 'protocol') && error.message).toBe('message 59 is not expected now');
    }
    expect.assertions(2);
  });

  it('may be larger once a user is logged in', () => {
    const to = incoming('server');
    expect(to.cell.maximumPacketLength).toBe(MAX_PACKET_LENGTH_BEFORE_AUTH);
    to.enterPhase('userauth', []);
    expect(to.cell.maximumPacketLength).toBe(MAX_PACKET_LENGTH_BEFORE_AUTH);
    to.enterPhase('connection', CONNECTION_MESSAGES);
    expect(to.cell.maximumPacketLength).toBe(MAX_PACKET_LENGTH);
  });
});
