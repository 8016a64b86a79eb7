import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isSshError } from '../../src/errors.ts';
import { Reader } from '../../src/wire/reader.ts';
import { mpintBytes, unsignedToMpint, Writer } from '../../src/wire/writer.ts';
import { hex, utf8 } from '../support/marbles.ts';

/** The error of a read, which must be of ours. */
function refused(bytes: Uint8Array, read: (reader: Reader) => unknown): string {
  try {
    read(new Reader(bytes, 'thing'));
  } catch (error) {
    if (!isSshError(error, 'protocol')) throw error;
    return error.message;
  }
  throw new Error('it was read');
}

describe('RFC 4251 §5', () => {
  it.each([
    [0n, '00000000'],
    [0x9a378f9b2e332a7n, '00000008 09a378f9b2e332a7'],
    [0x80n, '00000002 0080'],
    [-0x1234n, '00000002 edcc'],
    [-0xdeadbeefn, '00000005 ff21524111'],
    [-1n, '00000001 ff'],
    [-0x80n, '00000001 80'],
    [0x7fn, '00000001 7f'],
  ])('mpint %s', (value, digits) => {
    expect(new Writer().mpint(value).bytes()).toEqual(hex(digits));
    expect(new Reader(hex(digits)).mpint()).toBe(value);
  });

  it.each([
    [[], '00000000'],
    [['zlib'], '00000004 7a6c6962'],
    [['zlib', 'none'], '00000009 7a6c69622c6e6f6e65'],
  ])('name-list %j', (names, digits) => {
    expect(new Writer().nameList(names).bytes()).toEqual(hex(digits));
    expect(new Reader(hex(digits)).nameList()).toEqual(names);
  });

  it('uint32 699921578', () => {
    expect(new Writer().uint32(699921578).bytes()).toEqual(hex('29b7f4aa'));
    expect(new Reader(hex('29b7f4aa')).uint32()).toBe(699921578);
    expect(new Reader(hex('ffffffff')).uint32()).toBe(0xffffffff);
  });

  it('uint64', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        const bytes = new Writer().uint64(value).bytes();
        expect(bytes.length).toBe(8);
        expect(new Reader(bytes).uint64()).toBe(value);
      }),
    );
  });

  it('any boolean but 0 is true', () => {
    for (let value = 0; value < 256; value++) {
      expect(new Reader(Uint8Array.of(value)).boolean()).toBe(value !== 0);
    }
  });

  it('string "testing"', () => {
    expect(new Writer().utf8('testing').bytes()).toEqual(hex('00000007 74657374696e67'));
  });

  it('a byte order mark in a text is part of it', () => {
    const bytes = new Writer().utf8('\ufeffpassword').bytes();
    expect(new Reader(bytes).utf8()).toBe('\ufeffpassword');
    expect(new Reader(bytes).lossyText()).toBe('\ufeffpassword');
  });
});

describe('mpintBytes', () => {
  it('is the shortest two’s complement, for any number', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 520n), max: 2n ** 520n }), (value) => {
        const bytes = mpintBytes(value);
        expect(new Reader(new Writer().string(bytes).bytes()).mpint()).toBe(value);
        const [first, second] = bytes;
        const isPadded =
          bytes.length > 1 &&
          ((first === 0 && (second ?? 0) < 0x80) || (first === 0xff && (second ?? 0) >= 0x80));
        expect(isPadded).toBe(false);
      }),
    );
  });

  it('is what unsignedToMpint makes of the same number', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        let value = 0n;
        for (const byte of bytes) value = (value << 8n) | BigInt(byte);
        expect(unsignedToMpint(bytes)).toEqual(mpintBytes(value));
      }),
    );
  });
});

describe('Reader', () => {
  it.each<[string, string, (reader: Reader) => unknown]>([
    ['a byte of nothing', '', (reader) => reader.byte()],
    ['a uint32 of three bytes', '000000', (reader) => reader.uint32()],
    ['a uint64 of seven bytes', '00000000000000', (reader) => reader.uint64()],
    ['a string longer than what is left', '00000002 61', (reader) => reader.string()],
    ['a string of 4 GiB', 'ffffffff 61', (reader) => reader.string()],
    ['a text that is not UTF-8', '00000001 ff', (reader) => reader.utf8()],
    ['a text with half a surrogate pair', '00000003 eda080', (reader) => reader.utf8()],
    ['a name with a control character', '00000001 0a', (reader) => reader.ascii()],
    ['a name beyond US-ASCII', '00000002 c3a4', (reader) => reader.ascii()],
    ['a list with an empty name', '00000001 2c', (reader) => reader.nameList()],
    ['a list with two commas behind it', '00000003 612c2c', (reader) => reader.nameList()],
    ['a list with two commas in it', '00000004 612c2c62', (reader) => reader.nameList()],
    ['a list with a comma before it', '00000002 2c61', (reader) => reader.nameList()],
    ['a count beyond what is left', '00000003 0000', (reader) => reader.count(1)],
    ['a count of 4 Gi', 'ffffffff 00', (reader) => reader.count(8)],
    ['bytes that are left over', '00', (reader) => reader.end()],
  ])('refuses %s', (_name, digits, read) => {
    expect(refused(hex(digits), read)).toMatch(/^thing: /);
  });

  it('passes over a comma behind a list, as libssh writes it', () => {
    expect(new Reader(hex('00000004 612c622c')).nameList()).toEqual(['a', 'b']);
  });

  it('refuses an mpint of more than 16384 bits', () => {
    const bytes = new Uint8Array(2050).fill(1);
    expect(refused(new Writer().string(bytes).bytes(), (reader) => reader.mpint())).toMatch(/2050/);
  });

  it('refuses a name of more than 64 characters and more than 1024 names', () => {
    const list = (names: string[]): Uint8Array => new Writer().nameList(names).bytes();
    expect(new Reader(list(['a'.repeat(64)])).nameList()).toHaveLength(1);
    expect(refused(list(['a'.repeat(65)]), (reader) => reader.nameList())).toMatch(/65/);
    const many = Array.from({ length: 1024 }, () => 'a');
    expect(new Reader(list(many)).nameList()).toHaveLength(1024);
    expect(refused(list([...many, 'a']), (reader) => reader.nameList())).toMatch(/1024/);
  });

  it('says where', () => {
    expect(refused(hex('01 0000'), (reader) => [reader.byte(), reader.uint32()])).toBe(
      'thing: truncated uint32 at byte 1',
    );
  });

  it('gives views, no copies', () => {
    const bytes = new Writer().string(utf8('ab')).bytes();
    const view = new Reader(bytes).string();
    bytes[4] = 0x7a;
    expect(view).toEqual(utf8('zb'));
  });

  it('reads anything in any way, or throws an error of ours', () => {
    const methods = [
      'byte',
      'boolean',
      'uint32',
      'uint64',
      'string',
      'utf8',
      'lossyText',
      'ascii',
      'mpint',
      'nameList',
      'rest',
    ] as const;
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 50 }),
        fc.array(fc.constantFrom(...methods)),
        (bytes, calls) => {
          const reader = new Reader(bytes);
          try {
            for (const call of calls) reader[call]();
          } catch (error) {
            expect(isSshError(error, 'protocol')).toBe(true);
          }
          expect(reader.offset + reader.remaining).toBe(bytes.length);
        },
      ),
    );
  });
});

describe('Writer', () => {
  it('keeps head room, and gives packet room around what was written', () => {
    const writer = new Writer(4, 5);
    writer.raw(utf8('payload'));
    expect(writer.length).toBe(7);
    const framed = writer.framed(6);
    expect(framed.length).toBe(5 + 7 + 6);
    expect(framed.subarray(5, 12)).toEqual(utf8('payload'));
    framed[5] = 0x50;
    expect(writer.view()).toEqual(utf8('Payload'));
  });

  it('is used again after a reset', () => {
    const writer = new Writer(2);
    writer.utf8('first');
    const first = writer.bytes();
    expect(writer.reset().byte(1).bytes()).toEqual(Uint8Array.of(1));
    expect(first).toEqual(hex('00000005 6669727374'));
  });
});
