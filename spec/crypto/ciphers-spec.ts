/** Every cipher with every MAC: what is sealed opens, and nothing else does. */
import { describe, expect, it } from '@jest/globals';
import { cipherByName, CIPHERS } from '../../src/crypto/ciphers.ts';
import { macByName, MACS } from '../../src/crypto/macs.ts';
import { nobleProvider } from '../../src/crypto/noble-provider.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { plainOpener, plainSealer } from '../../src/crypto/plain.ts';
import { defaultNames } from '../../src/crypto/standing.ts';
import { equalBytes, toHex } from '../../src/wire/bytes.ts';
import {
  keysOf,
  opening,
  openerOf,
  packetOf,
  sealed,
  sealerOf,
  SUITES,
} from '../support/suites.ts';

const PROVIDERS = [nodeProvider, nobleProvider];
const PAIRS = PROVIDERS.flatMap((seals) => PROVIDERS.map((opens) => ({ seals, opens })));
const PAYLOADS = [
  1, 2, 3, 7, 8, 11, 12, 15, 16, 17, 31, 63, 64, 65, 200, 255, 256, 257, 1000, 32_768,
];

describe('the registry of ciphers', () => {
  it('offers these, in this order', () => {
    expect(defaultNames(CIPHERS)).toEqual([
      'aes256-gcm@openssh.com',
      'aes128-gcm@openssh.com',
      'aes256-ctr',
      'aes192-ctr',
      'aes128-ctr',
      'chacha20-poly1305@openssh.com',
    ]);
    expect(defaultNames(MACS)).toEqual([
      'hmac-sha2-256-etm@openssh.com',
      'hmac-sha2-512-etm@openssh.com',
      'umac-128-etm@openssh.com',
      'umac-64-etm@openssh.com',
      'hmac-sha2-256',
      'hmac-sha2-512',
      'umac-128@openssh.com',
      'umac-64@openssh.com',
    ]);
  });

  it('K20: finds rows by name, and knows no "none"', () => {
    expect(CIPHERS.map((row) => cipherByName(row.name))).toEqual(CIPHERS);
    expect(MACS.map((row) => macByName(row.name))).toEqual(MACS);
    expect([cipherByName('none'), macByName('none'), cipherByName('')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it.each(SUITES)('$name refuses keys of the wrong length, and a missing MAC', (suite) => {
    const keys = keysOf(suite);
    const wrong = [
      { ...keys, key: keys.key.subarray(1) },
      { ...keys, iv: new Uint8Array(keys.iv.length + 1) },
      ...(suite.mac === undefined ? [] : [{ ...keys, macKey: new Uint8Array(0) }]),
    ];
    for (const bad of wrong) {
      expect(() => sealerOf(suite, nodeProvider, bad)).toThrow('wrong length');
      expect(() => openerOf(suite, nodeProvider, bad)).toThrow('wrong length');
    }
    if (!suite.cipher.isAead) {
      expect(() => suite.cipher.createSealer(nodeProvider, keys)).toThrow('needs a MAC');
      expect(() => suite.cipher.createOpener(nodeProvider, keys)).toThrow('needs a MAC');
    }
  });
});

describe.each(SUITES)('$name', (suite) => {
  it('says the same of its shape in both directions', () => {
    const { blockSize, tagLength, lengthIsAligned } = sealerOf(suite, nodeProvider);
    expect(openerOf(suite, nodeProvider)).toMatchObject({ blockSize, tagLength, lengthIsAligned });
    expect(blockSize).toBe(suite.cipher.blockSize);
    expect(tagLength).toBe(suite.mac?.tagLength ?? 16);
  });

  it.each(PAIRS)('opens what it sealed: $seals.name to $opens.name', ({ seals, opens }) => {
    const sealer = sealerOf(suite, seals);
    const opener = openerOf(suite, opens);
    PAYLOADS.forEach((payload, sequenceNumber) => {
      const packet = packetOf(sealer, payload, sequenceNumber);
      const before = packet.slice();
      const wire = sealed(sealer, packet, sequenceNumber);
      const onWire = wire.slice();
      const result = opening(opener, wire, sequenceNumber);
      if (!('plaintext' in result)) throw new Error(`${payload} bytes were not opened`);
      // Not toEqual, which takes a millisecond for each kilobyte.
      const isSame = [
        equalBytes(result.plaintext, before.subarray(4)),
        equalBytes(packet, before),
        equalBytes(wire, onWire),
      ];
      expect([payload, ...isSame]).toEqual([payload, true, true, true]);
      expect(result.packetLength).toBe(packet.length - 4);
    });
  });

  it('seals into the middle of a buffer, and over the packet itself', () => {
    const packet = packetOf(sealerOf(suite, nodeProvider), 100);
    const alone = sealed(sealerOf(suite, nodeProvider), packet, 7);
    for (const provider of PROVIDERS) {
      const buffer = new Uint8Array(alone.length + 10).fill(0xee);
      sealerOf(suite, provider).seal(packet, 7, buffer, 3);
      expect(toHex(buffer)).toBe(`${'ee'.repeat(3)}${toHex(alone)}${'ee'.repeat(7)}`);

      const inPlace = new Uint8Array(alone.length);
      inPlace.set(packet);
      sealerOf(suite, provider).seal(inPlace.subarray(0, packet.length), 7, inPlace, 0);
      expect(toHex(inPlace)).toBe(toHex(alone));
    }
  });

  it('gives plaintext that no later packet touches, as a plain Uint8Array', () => {
    for (const provider of PROVIDERS) {
      const sealer = sealerOf(suite, provider);
      const opener = openerOf(suite, provider);
      const packets = [0, 1, 2].map((start) => packetOf(sealer, 300, start));
      const plaintexts = packets.map((packet, number) => {
        const wire = sealed(sealer, packet, number);
        const result = opening(opener, wire, number);
        wire.fill(0);
        return 'plaintext' in result ? result.plaintext : undefined;
      });
      expect(plaintexts).toEqual(packets.map((packet) => packet.slice(4)));
      expect(plaintexts.map((bytes) => bytes?.constructor.name)).toEqual(
        packets.map(() => 'Uint8Array'),
      );
    }
  });

  it.each(PROVIDERS)('opens no packet of which one bit was changed: $name', (provider) => {
    const sealer = sealerOf(suite, provider);
    const packet = packetOf(sealer, 6);
    const wire = sealed(sealer, packet, 3);
    const refusals = { length: 0, mac: 0 };
    for (let bit = 0; bit < wire.length * 8; bit++) {
      const touched = wire.slice();
      touched[bit >> 3]! ^= 1 << (bit & 7);
      const result = opening(openerOf(suite, provider), touched, 3);
      if (!('refusedBy' in result)) throw new Error(`opened with bit ${bit} changed`);
      refusals[result.refusedBy]++;
    }
    expect(refusals.length + refusals.mac).toBe(wire.length * 8);
    // CBC makes another length of every change in the first block
    if (openerOf(suite, provider).concealsFaults === true) return;
    // Every bit of the length is noticed by the framing, every other bit by the MAC alone.
    expect(refusals).toEqual({ length: 32, mac: (wire.length - 4) * 8 });
  });

  it.each(PROVIDERS)('opens no packet of another number, key or place: $name', (provider) => {
    const sealer = sealerOf(suite, provider);
    const [first, second] = [0, 1].map((number) => sealed(sealer, packetOf(sealer, 40), number));
    const isOpened = (packet: Uint8Array, number: number, opener = openerOf(suite, provider)) =>
      'plaintext' in opening(opener, packet, number);
    expect(isOpened(first!, 0)).toBe(true);
    expect(isOpened(second!, 0)).toBe(false);
    // RFC 5647 counts by itself.
    const countsItself = suite.name.includes('gcm');
    expect(isOpened(first!, 1)).toBe(countsItself);
    const otherKeys = openerOf(suite, provider, keysOf(suite, 1));
    expect(isOpened(first!, 0, otherKeys)).toBe(false);
    const opener = openerOf(suite, provider);
    expect([isOpened(first!, 0, opener), isOpened(first!, 1, opener)]).toEqual([true, false]);
  });

  it.each(PROVIDERS)(
    'takes no shorter tag, and no packet too short to have one: $name',
    (provider) => {
      const sealer = sealerOf(suite, provider);
      const wire = sealed(sealer, packetOf(sealer, 30), 0);
      for (let length = 0; length < wire.length; length++) {
        const cut = wire.subarray(0, length);
        const opener = openerOf(suite, provider);
        opener.packetLength(cut.subarray(0, opener.headLength), 0);
        const isVerified = opener.verifyCiphertext(cut, 0);
        // On purpose also when the MAC was wrong: a slip in the pipeline must not end in a RangeError.
        const plaintext = opener.decrypt(cut, 0);
        const isOpened =
          isVerified && plaintext !== undefined && opener.verifyPlaintext(plaintext, cut, 0);
        expect([length, isOpened]).toEqual([length, false]);
      }
    },
  );

  it('T18: goes on when the sequence number wraps', () => {
    for (const { seals, opens } of PAIRS) {
      const sealer = sealerOf(suite, seals);
      const opener = openerOf(suite, opens);
      for (const number of [0xfffffffe, 0xffffffff, 0, 1]) {
        const packet = packetOf(sealer, 20, number & 0xff);
        const result = opening(opener, sealed(sealer, packet, number), number);
        expect(result).toEqual({ packetLength: packet.length - 4, plaintext: packet.slice(4) });
      }
    }
  });
});

describe('K19: the counters', () => {
  it.each([
    ['00000000ffffffff', '0000000100000000'],
    ['00000000000000ff', '0000000000000100'],
    ['ffffffffffffffff', '0000000000000000'],
  ])('AES-GCM counts from %s to %s and leaves the fixed field alone', (before, after) => {
    const suite = SUITES.find(({ name }) => name === 'aes256-gcm@openssh.com')!;
    const nonce = (counter: string): Uint8Array =>
      new Uint8Array(Buffer.from(`fffefdfc${counter}`, 'hex'));
    const keys = { ...keysOf(suite), iv: nonce(before) };
    for (const provider of PROVIDERS) {
      const sealer = sealerOf(suite, provider, keys);
      const packet = packetOf(sealer, 11);
      for (const counter of [before, after]) {
        const expected = new Uint8Array(packet.length + 16);
        expected.set(packet.subarray(0, 4));
        const [length, body] = [packet.subarray(0, 4), packet.subarray(4)];
        provider.aesGcm(keys.key).seal(nonce(counter), length, body, expected, 4);
        expect(toHex(sealed(sealer, packet, 0))).toBe(toHex(expected));
      }
      expect(toHex(keys.iv)).toBe(toHex(nonce(before)));
    }
  });

  it('ChaCha20-Poly1305 takes the sequence number as 64 bits, big-endian', () => {
    const suite = SUITES.find(({ name }) => name.startsWith('chacha20'))!;
    const keys = keysOf(suite);
    const sealer = sealerOf(suite, nodeProvider, keys);
    const packet = packetOf(sealer, 10);
    const wire = sealed(sealer, packet, 0xffffffff);
    const nonce = new Uint8Array([0, 0, 0, 0, 255, 255, 255, 255]);
    const length = nobleProvider.chacha20(keys.key.slice(32), nonce)(packet.slice(0, 4));
    const main = nobleProvider.chacha20(keys.key.slice(0, 32), nonce);
    const macKey = main(new Uint8Array(64)).slice(0, 32);
    const body = main(packet.slice(4));
    const tag = nobleProvider.poly1305(macKey, [length, body]);
    expect(toHex(wire)).toBe(toHex(length) + toHex(body) + toHex(tag));
  });

  it('ChaCha20-Poly1305 decrypts nothing that it has not verified', () => {
    const suite = SUITES.find(({ name }) => name.startsWith('chacha20'))!;
    const sealer = sealerOf(suite, nodeProvider);
    const wire = sealed(sealer, packetOf(sealer, 10), 0);
    const opener = openerOf(suite, nodeProvider);
    expect(opener.decrypt(wire, 0)).toBeUndefined();
    expect(opener.verifyCiphertext(wire, 0)).toBe(true);
    expect(opener.decrypt(wire, 0)).toBeDefined();
    expect(opener.decrypt(wire, 0)).toBeUndefined();
    const touched = wire.map((byte, at) => (at === 9 ? byte ^ 1 : byte));
    expect(opener.verifyCiphertext(wire, 0)).toBe(true);
    expect(opener.verifyCiphertext(touched, 0)).toBe(false);
    expect(opener.decrypt(touched, 0)).toBeUndefined();
  });
});

describe('before NEWKEYS', () => {
  it('packets go as they are', () => {
    const packet = packetOf(plainSealer, 20);
    const wire = sealed(plainSealer, packet, 0);
    expect(wire).toEqual(packet);
    const result = opening(plainOpener, wire, 0);
    wire.fill(0);
    expect(result).toEqual({ packetLength: packet.length - 4, plaintext: packet.slice(4) });
  });
});
