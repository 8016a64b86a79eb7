import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readSocks, socksReply, type SocksStep } from '../../src/forwarding/socks.ts';
import { concatBytes, utf8Bytes } from '../../src/wire/bytes.ts';

const bytes = (...parts: readonly (number | string)[]): Uint8Array =>
  concatBytes(
    parts.map((part) => (typeof part === 'string' ? utf8Bytes(part) : Uint8Array.of(part))),
  );

const GREETING = bytes(5, 1, 0);
const name = (host: string): Uint8Array => bytes(5, 1, 0, 3, host.length, host, 1, 0xbb);

/** Requests, whether the greeting stands before them, and where they lead to. */
const requests: readonly (readonly [string, boolean, Uint8Array, string, number])[] = [
  ['4', false, bytes(4, 1, 0, 80, 10, 0, 0, 1, 'me', 0), '10.0.0.1', 80],
  ['4 without a user', false, bytes(4, 1, 1, 0, 127, 0, 0, 1, 0), '127.0.0.1', 256],
  ['4a', false, bytes(4, 1, 0, 22, 0, 0, 0, 1, 'me', 0, 'db1.internal', 0), 'db1.internal', 22],
  ['5 with IPv4', true, bytes(5, 1, 0, 1, 10, 0, 0, 1, 0, 80), '10.0.0.1', 80],
  ['5 with a name', true, name('db1'), 'db1', 443],
  [
    '5 with IPv6',
    true,
    bytes(5, 1, 0, 4, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 80),
    '2001:db8:0:0:0:0:0:1',
    80,
  ],
];

/** What is wrong, and the first bytes of the answer. */
const refused: readonly (readonly [string, boolean, Uint8Array, readonly number[]])[] = [
  ['HTTP', false, utf8Bytes('GET / HTTP/1.1\r\n\r\n'), []],
  ['TLS', false, bytes(0x16, 3, 1), []],
  ['4 behind the greeting of 5', true, bytes(4, 1, 0, 80, 10, 0, 0, 1, 0), []],
  ['methods that all want a login', false, bytes(5, 2, 1, 2), [5, 0xff]],
  ['no method at all', false, bytes(5, 0), [5, 0xff]],
  ['BIND', true, bytes(5, 2, 0, 1, 10, 0, 0, 1, 0, 80), [5, 7]],
  ['UDP ASSOCIATE', true, bytes(5, 3, 0, 1, 10, 0, 0, 1, 0, 80), [5, 7]],
  ['4 BIND', false, bytes(4, 2, 0, 80, 10, 0, 0, 1, 0), [0, 91]],
  ['a type of address that there is none of', true, bytes(5, 1, 0, 9, 1), [5, 8]],
  ['a name of no length', true, bytes(5, 1, 0, 3, 0, 0, 80), [5, 1]],
  ['a name with a zero byte', true, name('a\0b'), [5, 1]],
  ['a name with a line end', true, name('a\r\nb'), [5, 1]],
  ['a name with a blank', true, name('a b'), [5, 1]],
  ['a name that is not ASCII', true, bytes(5, 1, 0, 3, 2, 0xc3, 0xa4, 0, 80), [5, 1]],
  ['port 0', true, bytes(5, 1, 0, 1, 10, 0, 0, 1, 0, 0), [5, 1]],
  ['4 with port 0', false, bytes(4, 1, 0, 0, 10, 0, 0, 1, 0), [0, 91]],
  ['4a with an empty name', false, bytes(4, 1, 0, 22, 0, 0, 0, 1, 0, 0), [0, 91]],
  ['a user without an end', false, bytes(4, 1, 0, 80, 10, 0, 0, 1, 'u'.repeat(256)), [0, 91]],
  [
    'a name of 4a without an end',
    false,
    bytes(4, 1, 0, 80, 0, 0, 0, 1, 0, 'n'.repeat(256)),
    [0, 91],
  ],
];

describe('readSocks', () => {
  it('answers the greeting', () => {
    expect(readSocks(GREETING, false)).toEqual({ type: 'reply', length: 3, reply: bytes(5, 0) });
    expect(readSocks(bytes(5, 3, 2, 1, 0, 5, 1), false)).toMatchObject({ length: 5 });
  });

  it.each(requests)('reads %s, and no byte more', (_name, isGreeted, request, host, port) => {
    const more = concatBytes([request, utf8Bytes('early data')]);
    expect(readSocks(more, isGreeted)).toEqual({
      ...{ type: 'connect', version: request[0], length: request.length },
      to: { host, port },
    });
  });

  it.each(requests)('waits for the rest of %s', (_name, isGreeted, request) => {
    for (let length = 0; length < request.length; length++)
      expect(readSocks(request.subarray(0, length), isGreeted)).toEqual({ type: 'more' });
  });

  it.each(refused)('refuses %s', (_name, isGreeted, request, reply) => {
    const step = readSocks(request, isGreeted);
    expect(step).toMatchObject({ type: 'refuse', error: { kind: 'protocol' } });
    expect([...(step as SocksStep & { type: 'refuse' }).reply.subarray(0, reply.length)]).toEqual(
      reply,
    );
  });

  it('reads anything, and does not wait for more than a request can have', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 700 }), fc.boolean(), (anything, isGreeted) => {
        const step = readSocks(anything, isGreeted);
        if (step.type === 'more') expect(anything.length).toBeLessThan(530);
        if ('length' in step) expect(step.length).toBeLessThanOrEqual(anything.length);
      }),
      { numRuns: 1000 },
    );
    for (const version of [4, 5]) {
      const long = new Uint8Array(600).fill(0xaa);
      long.set([version, 255]);
      expect(readSocks(long, false).type).not.toBe('more');
    }
  });
});

describe('socksReply', () => {
  it('has the length of its version', () => {
    expect(socksReply(4, 'connected')).toEqual(bytes(0, 90, 0, 0, 0, 0, 0, 0));
    expect(socksReply(5, 'connected')).toEqual(bytes(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
    expect(socksReply(5, 'not-allowed')[1]).toBe(2);
    expect(socksReply(4, 'refused')[1]).toBe(91);
  });
});
