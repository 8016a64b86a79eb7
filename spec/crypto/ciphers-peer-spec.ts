/** Every cipher with every MAC against another implementation: npm's ssh2, without its addon. */
import { createRequire } from 'node:module';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { nobleProvider } from '../../src/crypto/noble-provider.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { concatBytes } from '../../src/wire/bytes.ts';
import {
  keysOf,
  opening,
  openerOf,
  packetOf,
  sealed,
  sealerOf,
  SUITES,
  type Suite,
} from '../support/suites.ts';

/** What is used of ssh2/lib/protocol/crypto.js, which has no types. */
interface PeerCrypto {
  readonly init: Promise<void>;
  readonly CIPHER_INFO: Readonly<Record<string, object>>;
  readonly MAC_INFO: Readonly<Record<string, object>>;
  createCipher(config: object): {
    allocPacket(payloadLength: number): Uint8Array;
    encrypt(packet: Uint8Array): void;
  };
  createDecipher(config: object): { decrypt(data: Uint8Array, at: number, end: number): unknown };
}

const peer = createRequire(import.meta.url)('ssh2/lib/protocol/crypto.js') as PeerCrypto;
const SIZES = [1, 9, 16, 100, 255, 300, 5000];
const FIRST_NUMBER = 0xfffffffd;

/** The peer has no UMAC, and its Blowfish is that of an older OpenSSL. */
const SHARED = SUITES.filter(
  ({ cipher, mac }) =>
    cipher.name in peer.CIPHER_INFO &&
    !cipher.name.startsWith('blowfish') &&
    (!mac || mac.name in peer.MAC_INFO),
);

describe.each(SHARED)('$name', (suite) => {
  beforeAll(async () => await peer.init);

  it.each([nodeProvider, nobleProvider])('is understood by the peer: $name', (provider) => {
    const received: Buffer[] = [];
    const decipher = peer.createDecipher({
      inbound: {
        ...peerKeys(suite, 'decipher'),
        onPayload: (payload: Uint8Array) => void received.push(Buffer.from(payload)),
      },
    });
    const sealer = sealerOf(suite, provider);
    const packets = SIZES.map((size) => packetOf(sealer, size));
    packets.forEach((packet, at) => {
      const wire = Buffer.from(sealed(sealer, packet, (FIRST_NUMBER + at) >>> 0));
      decipher.decrypt(wire, 0, wire.length);
    });
    const payloads = packets.map((packet, at) => Buffer.from(packet.subarray(5, 5 + SIZES[at]!)));
    expect(received).toEqual(payloads);
  });

  it.each([nodeProvider, nobleProvider])('understands the peer: $name', (provider) => {
    const written: Uint8Array[] = [];
    const cipher = peer.createCipher({
      outbound: {
        ...peerKeys(suite, 'cipher'),
        onWrite: (bytes: Uint8Array) => void written.push(Uint8Array.from(bytes)),
      },
    });
    const opener = openerOf(suite, provider);
    SIZES.forEach((size, at) => {
      written.length = 0;
      const packet = cipher.allocPacket(size);
      packet.fill(at + 1, 5, 5 + size);
      const plaintext = Uint8Array.from(packet.subarray(4));
      cipher.encrypt(packet);
      const result = opening(opener, concatBytes(written), (FIRST_NUMBER + at) >>> 0);
      expect(result).toEqual({ packetLength: plaintext.length, plaintext });
    });
  });
});

function peerKeys(suite: Suite, role: 'cipher' | 'decipher'): object {
  const { key, iv, macKey } = keysOf(suite);
  return {
    [`${role}Info`]: peer.CIPHER_INFO[suite.cipher.name],
    [`${role}Key`]: Buffer.from(key),
    [`${role}IV`]: Buffer.from(iv),
    macInfo: suite.mac && peer.MAC_INFO[suite.mac.name],
    macKey: Buffer.from(macKey),
    seqno: FIRST_NUMBER,
    forceNative: true,
  };
}
