/** The cells of both directions: bounds of a packet, the gate, and what a change of keys begins anew. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { defaultProvider } from '#crypto';
import { plainOpener, plainSealer } from '../../src/crypto/plain.ts';
import type { Opener } from '../../src/crypto/suite.ts';
import { isSshError } from '../../src/errors.ts';
import {
  checkedPacketSize,
  Gate,
  type Inbound,
  initialInbound,
  initialOutbound,
  MAX_PACKET_LENGTH,
  MAX_PACKET_LENGTH_BEFORE_AUTH,
  switchInbound,
  switchOutbound,
} from '../../src/transport/direction.ts';
import { PACKET_HEADER, paddingLength } from '../../src/transport/padding.ts';
import { openerOf, sealerOf, SUITES } from '../support/suites.ts';

const OPENERS: readonly { readonly name: string; readonly opener: Opener }[] = [
  { name: 'no keys yet', opener: plainOpener },
  ...SUITES.map((suite) => ({ name: suite.name, opener: openerOf(suite, defaultProvider) })),
].filter(({ opener }) => opener.concealsFaults !== true);
const CONCEALING = SUITES.map((suite) => openerOf(suite, defaultProvider)).filter(
  ({ concealsFaults }) => concealsFaults === true,
);

function inboundWith(opener: Opener, maximumPacketLength = MAX_PACKET_LENGTH): Inbound {
  return { ...initialInbound(), opener, maximumPacketLength };
}

/** The size, or the reason with which it is refused. */
function sizeOf(inbound: Inbound, packetLength: number): number | string {
  try {
    return checkedPacketSize(inbound, packetLength) ?? 'concealed';
  } catch (error) {
    if (!isSshError(error, 'protocol')) throw error;
    return `${String(error.detail.disconnectReason)} ${error.message}`;
  }
}

describe.each(OPENERS)('checkedPacketSize under $name', ({ opener }) => {
  const inbound = inboundWith(opener);
  const { blockSize, tagLength, lengthIsAligned } = opener;
  const refused = (packetLength: number): string =>
    `${tagLength > 0 ? '5' : '2'} packet_length of ${String(packetLength)}`;

  it('takes what the padding rule makes, with its tag', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200_000 }), (payloadLength) => {
        const packetLength =
          PACKET_HEADER - 4 + payloadLength + paddingLength(opener, payloadLength);
        expect(sizeOf(inbound, packetLength)).toBe(4 + packetLength + tagLength);
      }),
    );
  });

  it('takes nothing that does not end on a block', () => {
    fc.assert(
      fc.property(fc.integer({ min: 6, max: MAX_PACKET_LENGTH }), (packetLength) => {
        const isWhole = (packetLength + (lengthIsAligned ? 4 : 0)) % blockSize === 0;
        const expected = isWhole ? 4 + packetLength + tagLength : refused(packetLength);
        expect(sizeOf(inbound, packetLength)).toBe(expected);
      }),
    );
  });

  it.each([0, 1, 4, 5, MAX_PACKET_LENGTH + 16, 0x7fff_fff0, 0xffff_fffc, 0xffff_ffff])(
    'refuses a packet_length of %d',
    (packetLength) => {
      expect(sizeOf(inbound, packetLength)).toBe(refused(packetLength));
    },
  );

  it('takes the largest and nothing above it, before and after the login', () => {
    const whole = (limit: number): number => {
      const aligned = lengthIsAligned ? limit + 4 : limit;
      return limit - (aligned % blockSize);
    };
    for (const limit of [MAX_PACKET_LENGTH_BEFORE_AUTH, MAX_PACKET_LENGTH]) {
      const limited = inboundWith(opener, limit);
      const largest = whole(limit);
      expect(sizeOf(limited, largest)).toBe(4 + largest + tagLength);
      expect(sizeOf(limited, largest + blockSize)).toBe(refused(largest + blockSize));
    }
  });
});

describe('checkedPacketSize under CBC with a MAC over the plaintext', () => {
  it('T11: tells nothing of a packet_length that cannot be, and has the longest packet thrown away', () => {
    expect(CONCEALING.length).toBeGreaterThan(0);
    for (const opener of CONCEALING) {
      const inbound = inboundWith(opener, MAX_PACKET_LENGTH_BEFORE_AUTH);
      expect(sizeOf(inbound, 28)).toBe(32 + opener.tagLength);
      expect(inbound.discard).toBeUndefined();
      for (const packetLength of [0, 5, 29, MAX_PACKET_LENGTH_BEFORE_AUTH + 1, 0xffff_ffff]) {
        const each = inboundWith(opener, MAX_PACKET_LENGTH_BEFORE_AUTH);
        expect([sizeOf(each, packetLength), each.discard]).toEqual([
          'concealed',
          MAX_PACKET_LENGTH,
        ]);
      }
    }
  });
});

describe('the limits', () => {
  it('let through what every implementation must take (RFC 4253 §6.1)', () => {
    expect(initialInbound().maximumPacketLength).toBe(MAX_PACKET_LENGTH_BEFORE_AUTH);
    expect(MAX_PACKET_LENGTH_BEFORE_AUTH).toBeGreaterThanOrEqual(35_000);
    expect(MAX_PACKET_LENGTH).toBeGreaterThan(MAX_PACKET_LENGTH_BEFORE_AUTH);
  });
});

describe('new keys', () => {
  const suite = SUITES[0]!;
  const used = { sequenceNumber: 7, packets: 7, bytes: 700 };

  it.each([
    { strict: false, sequenceNumber: 7 },
    { strict: true, sequenceNumber: 0 },
  ])('number on from $sequenceNumber when strict is $strict', ({ strict, sequenceNumber }) => {
    const inbound = { ...initialInbound(), ...used };
    const opener = openerOf(suite, defaultProvider);
    switchInbound(inbound, opener, strict);
    expect(inbound).toMatchObject({ opener, sequenceNumber, packets: 0, bytes: 0 });

    const outbound = { ...initialOutbound(), ...used };
    const sealer = sealerOf(suite, defaultProvider);
    switchOutbound(outbound, sealer, strict);
    expect(outbound).toMatchObject({ sealer, sequenceNumber, packets: 0, bytes: 0 });
  });

  it('are none at first', () => {
    expect(initialInbound()).toMatchObject({ opener: plainOpener, sequenceNumber: 0 });
    expect(initialOutbound()).toMatchObject({ sealer: plainSealer, sequenceNumber: 0 });
  });
});

describe('Gate', () => {
  it('is open at first, and opens only when it was closed', () => {
    const gate = new Gate();
    const calls: string[] = [];
    expect(gate.isOpen).toBe(true);
    gate.whenOpen(() => calls.push('a'));
    gate.open();
    expect(calls).toEqual([]);
    gate.close();
    expect(gate.isOpen).toBe(false);
    gate.open();
    expect(calls).toEqual(['a']);
    expect(gate.isOpen).toBe(true);
  });

  it('calls those who wait once each, in their order', () => {
    const gate = new Gate();
    const calls: string[] = [];
    gate.close();
    gate.whenOpen(() => calls.push('a'));
    gate.whenOpen(() => calls.push('b'));
    gate.open();
    gate.close();
    gate.open();
    expect(calls).toEqual(['a', 'b']);
  });

  it('keeps who comes to wait while it opens for the next time', () => {
    const gate = new Gate();
    let calls = 0;
    const again = (): void => {
      calls++;
      gate.whenOpen(again);
    };
    gate.close();
    gate.whenOpen(again);
    gate.open();
    expect(calls).toBe(1);
    gate.close();
    gate.open();
    expect(calls).toBe(2);
  });
});
