/** Every packet, from its row alone, and the paths by hand beside their rows. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  dataHead,
  encodePacket,
  encodeRead,
  OpenFlag,
  putWriteHead,
  readReply,
  readRequest,
  REPLY_PACKETS,
  REQUEST_PACKETS,
  type SftpPacket,
  writeHeadLength,
} from '../../src/sftp/packets.ts';
import { concatBytes, fromHex, toHex, utf8Bytes } from '../../src/wire/bytes.ts';
import { type MessageRow, readMessage } from '../../src/wire/message.ts';
import { arbitraryMessage } from '../support/arbitraries.ts';
import { damage, damaged, reading } from '../support/damage.ts';

type Read = (packet: Uint8Array) => unknown;

const rows: readonly (readonly [string, MessageRow, Read])[] = [
  ...REQUEST_PACKETS.map((row) => [row.type, row, readRequest] as const),
  ...REPLY_PACKETS.map((row) => [row.type, row, readReply] as const),
];

const HEX_OF_DRAFT: readonly (readonly [SftpPacket, string])[] = [
  [{ type: 'INIT', version: 3, extensions: [] }, '00000005 01 00000003'],
  [
    {
      type: 'OPEN',
      id: 7,
      path: utf8Bytes('/a'),
      flags: OpenFlag.WRITE | OpenFlag.CREAT,
      attributes: { permissions: 0o644 },
    },
    '00000017 03 00000007 00000002 2f61 0000000a 00000004 000001a4',
  ],
  [
    { type: 'SYMLINK', id: 1, target: utf8Bytes('to'), link: utf8Bytes('from') },
    '00000013 14 00000001 00000002 746f 00000004 66726f6d',
  ],
  [
    { type: 'STATUS', id: 2, code: 4, message: 'no', language: '' },
    '00000013 65 00000002 00000004 00000002 6e6f 00000000',
  ],
];

describe.each(rows)('%s', (_type, row, read) => {
  const packet = arbitraryMessage(row) as unknown as fc.Arbitrary<SftpPacket>;

  it('is read as it was written, behind its length', () => {
    fc.assert(
      fc.property(packet, (value) => {
        const whole = encodePacket(value);
        expect(toHex(whole.subarray(0, 4))).toBe((whole.length - 4).toString(16).padStart(8, '0'));
        expect(read(whole.subarray(4))).toEqual(value);
      }),
    );
  });

  it('cut off anywhere, is a protocol error or a shorter packet', () => {
    fc.assert(
      fc.property(packet, (value) => {
        const whole = encodePacket(value).subarray(4);
        for (let length = 1; length < whole.length; length++) {
          const result = reading(() => read(whole.subarray(0, length)));
          if (typeof result === 'string') expect(result).toBe('protocol');
        }
      }),
      { numRuns: 30 },
    );
  });

  it('damaged, is a protocol error or some other packet, the same by hand as by its row', () => {
    fc.assert(
      fc.property(packet, damage, (value, how) => {
        const whole = encodePacket(value).subarray(4);
        const wrong = Uint8Array.from([row.number, ...damaged(whole.subarray(1), how)]);
        const result = reading(() => read(wrong));
        if (typeof result === 'string') expect(result).toBe('protocol');
        const byRow = reading(() => readMessage(row, wrong));
        // what lies behind the data of a WRITE is passed over
        if (row.type === 'WRITE' && typeof byRow === 'string' && typeof result !== 'string') return;
        expect(result).toEqual(byRow);
      }),
    );
  });
});

describe('a WRITE with more behind it', () => {
  it('is read without that', () => {
    const value = {
      type: 'WRITE',
      id: 1,
      handle: utf8Bytes('h'),
      offset: 2n,
      data: utf8Bytes('x'),
    } as const;
    const whole = encodePacket(value).subarray(4);
    expect(readRequest(Uint8Array.from([...whole, 1, 2, 3]))).toEqual(value);
  });
});

describe('what the draft has', () => {
  it.each(HEX_OF_DRAFT)('%j', (packet, hex) => {
    expect(toHex(encodePacket(packet))).toBe(toHex(fromHex(hex)));
  });
});

describe('by hand', () => {
  const id = fc.integer({ min: 0, max: 0xffff_ffff });
  const handle = fc.uint8Array({ maxLength: 256 });
  const offset = fc.maxSafeNat();

  it('READ is what its row writes', () => {
    fc.assert(
      fc.property(id, handle, offset, id, (number, name, at, length) => {
        const fields = { id: number, handle: name, offset: BigInt(at), length };
        expect(encodeRead(number, name, at, length)).toEqual(
          Uint8Array.from(encodePacket({ type: 'READ', ...fields })),
        );
      }),
    );
  });

  it('WRITE is what its row writes', () => {
    fc.assert(
      fc.property(id, handle, offset, fc.uint8Array(), (number, name, at, data) => {
        const packet = new Uint8Array(writeHeadLength(name) + data.length);
        packet.set(data, writeHeadLength(name));
        putWriteHead(packet, number, name, at, data.length);
        const fields = { id: number, handle: name, offset: BigInt(at), data };
        expect(packet).toEqual(Uint8Array.from(encodePacket({ type: 'WRITE', ...fields })));
      }),
    );
  });

  it('DATA is what its row writes', () => {
    fc.assert(
      fc.property(id, fc.uint8Array(), (number, data) => {
        const packet = concatBytes([dataHead(number, data.length), data]);
        expect(packet).toEqual(Uint8Array.from(encodePacket({ type: 'DATA', id: number, data })));
      }),
    );
  });
});

it('a type that there is none of is no packet', () => {
  expect(readReply(Uint8Array.of(3, 0, 0, 0, 0))).toBeUndefined();
  expect(readRequest(Uint8Array.of(250))).toBeUndefined();
  expect(readRequest(new Uint8Array(0))).toBeUndefined();
});

describe('STATUS', () => {
  it.each([
    ['00000001 00000002', { message: '', language: '' }],
    ['00000001 00000002 00000001 41', { message: 'A', language: '' }],
  ])('may end early (SC11): %s', (fields, rest) => {
    expect(readReply(fromHex(`65 ${fields}`))).toEqual({
      ...{ type: 'STATUS', id: 1, code: 2 },
      ...rest,
    });
  });
});

describe('claims of a NAME (SC7)', () => {
  it('a count of 2^32-1 is refused before anything is kept for it', () => {
    expect(reading(() => readReply(fromHex('68 00000001 ffffffff 00000000')))).toBe('protocol');
  });
});
