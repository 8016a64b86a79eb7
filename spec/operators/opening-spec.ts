/** verify, decrypt and unpad: how a packet is opened. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Observable, of } from 'rxjs';
import { defaultProvider } from '#crypto';
import { SshError } from '../../src/errors.ts';
import { decrypt, type DecryptedPacket } from '../../src/operators/decrypt.ts';
import type { SealedPacket } from '../../src/operators/frame.ts';
import { unpad } from '../../src/operators/unpad.ts';
import { verifyCiphertext, verifyPlaintext } from '../../src/operators/verify.ts';
import { plainSealer } from '../../src/crypto/plain.ts';
import { initialInbound, type Inbound, MAX_PACKET_LENGTH } from '../../src/transport/direction.ts';
import { marbles, ofKind } from '../support/marbles.ts';
import { openerOf, packetOf, sealed, sealerOf, SUITES } from '../support/suites.ts';

function opened(packet: SealedPacket, inbound: Inbound): Observable<DecryptedPacket> {
  // the length is looked at first: a cipher may keep what it has opened for it
  inbound.opener.packetLength(
    packet.packet.subarray(0, inbound.opener.headLength),
    packet.sequenceNumber,
  );
  return of(packet).pipe(verifyCiphertext(inbound), decrypt(inbound), verifyPlaintext(inbound));
}

/** The value or the error. */
function outcome<T>(source: Observable<T>): { value?: T; error?: unknown } {
  const seen: { value?: T; error?: unknown } = {};
  source.subscribe({
    next: (value) => (seen.value = value),
    error: (error: unknown) => (seen.error = error),
  });
  return seen;
}

describe.each(SUITES.map((suite) => [suite.name, suite] as const))(
  'a packet under %s',
  (_name, suite) => {
    const inbound = (): Inbound => ({
      ...initialInbound(),
      opener: openerOf(suite, defaultProvider),
    });
    const sealer = sealerOf(suite, defaultProvider);
    const plain = packetOf(sealer, 50);
    const packet = sealed(sealer, plain, 0);

    it('is opened to what was sealed, and keeps its number', () => {
      const { value } = outcome(opened({ sequenceNumber: 0, packet: packet.slice() }, inbound()));
      expect(value?.plaintext).toEqual(plain.subarray(4));
      expect(value?.sequenceNumber).toBe(0);
    });

    it('is opened to memory of its own', () => {
      const bytes = packet.slice();
      const { value } = outcome(opened({ sequenceNumber: 0, packet: bytes }, inbound()));
      bytes.fill(0);
      expect(value?.plaintext).toEqual(plain.subarray(4));
    });

    it('with any bit changed behind the length, is one and the same protocol error', () => {
      const errors = new Set<string>();
      for (let at = 4; at < packet.length; at++) {
        const changed = packet.slice();
        changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
        const cell = inbound();
        const { value, error } = outcome(opened({ sequenceNumber: 0, packet: changed }, cell));
        expect(value).toBeUndefined();
        if (cell.opener.concealsFaults === true) {
          // frame tells it, later
          expect([error, cell.discard]).toEqual([undefined, MAX_PACKET_LENGTH - packet.length]);
          continue;
        }
        expect(error).toBeInstanceOf(SshError);
        const { kind, message, detail } = error as SshError<'protocol'>;
        errors.add(JSON.stringify([kind, message, detail]));
      }
      if (inbound().opener.concealsFaults === true) return;
      expect([...errors]).toEqual([
        '["protocol","a packet does not verify",{"disconnectReason":5}]',
      ]);
    });
  },
);

describe('without keys', () => {
  it('verify and decrypt let everything through', () => {
    marbles(({ cold, expectObservable }) => {
      const packet = packetOf(plainSealer, 9);
      const source = cold('a-b-|', {
        a: { sequenceNumber: 0, packet },
        b: { sequenceNumber: 1, packet },
      });
      const plaintext = packet.slice(4);
      const inbound = initialInbound();
      expectObservable(
        source.pipe(verifyCiphertext(inbound), decrypt(inbound), verifyPlaintext(inbound)),
      ).toBe('a-b-|', {
        a: { sequenceNumber: 0, packet, plaintext },
        b: { sequenceNumber: 1, packet, plaintext },
      });
    });
  });
});

describe('unpad', () => {
  const plaintext = (padding: number, rest: number): DecryptedPacket => ({
    sequenceNumber: 7,
    packet: new Uint8Array(0),
    plaintext: Uint8Array.from([padding, ...Array.from({ length: rest }, (_, at) => at)]),
  });

  it('takes the padding off', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('a|', { a: plaintext(4, 7) }).pipe(unpad())).toBe('a|', {
        a: { sequenceNumber: 7, payload: Uint8Array.of(0, 1, 2) },
      });
    });
  });

  it.each([
    [0, 20, false],
    [3, 20, false],
    [4, 4, false],
    [4, 5, true],
    [255, 255, false],
    [255, 256, true],
    [255, 10, false],
    [19, 19, false],
    [18, 19, true],
  ])('padding of %s in %s bytes: %s', (padding, rest, isRight) => {
    marbles(({ cold, expectObservable }) => {
      const packet = plaintext(padding, rest);
      const payload = packet.plaintext.subarray(1, 1 + rest - padding);
      expectObservable(cold('a-', { a: packet }).pipe(unpad())).toBe(
        isRight ? 'p' : '#',
        { p: { sequenceNumber: 7, payload } },
        ofKind('protocol'),
      );
    });
  });

  it('takes anything', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const { value, error } = outcome(
          of({ sequenceNumber: 0, packet: bytes, plaintext: bytes }).pipe(unpad()),
        );
        if (value === undefined) expect(error).toMatchObject({ kind: 'protocol' });
        else expect(value.payload.length).toBeGreaterThan(0);
      }),
    );
  });
});
