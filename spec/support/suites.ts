/** Every pairing of a cipher and a MAC, and packets to send through it. */
import { CIPHERS, type CipherRow } from '../../src/crypto/ciphers.ts';
import { MACS, type MacRow } from '../../src/crypto/macs.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import type { DirectionKeys, Opener, PacketShape, Sealer } from '../../src/crypto/suite.ts';
import { writeUint32 } from '../../src/wire/bytes.ts';

/** What protects one direction. */
export interface Suite {
  readonly name: string;
  readonly cipher: CipherRow;
  readonly mac?: MacRow;
}

const isLegacy = ({ standing }: CipherRow | MacRow): boolean => standing === 'legacy';

/** A weak cipher meets one MAC of each order, and a weak MAC one cipher of each kind; the others meet all. */
function areMet(cipher: CipherRow, mac: MacRow): boolean {
  if (isLegacy(cipher) && isLegacy(mac)) return cipher.name === 'aes128-cbc';
  if (isLegacy(cipher)) return mac.name.startsWith('hmac-sha2-256');
  return !isLegacy(mac) || cipher.name === 'aes128-ctr';
}

/** Suites that can be negotiated, with every cipher and every MAC. */
export const SUITES: readonly Suite[] = CIPHERS.flatMap((cipher): readonly Suite[] =>
  cipher.isAead
    ? [{ name: cipher.name, cipher }]
    : MACS.filter((mac) => areMet(cipher, mac)).map((mac) => ({
        name: `${cipher.name} with ${mac.name}`,
        cipher,
        mac,
      })),
);

/** Keys of the right lengths; the same each time. */
export function keysOf({ cipher, mac }: Suite, seed = 0): DirectionKeys {
  const bytes = (length: number, start: number): Uint8Array =>
    Uint8Array.from({ length }, (_, at) => (at * 7 + start + seed) & 0xff);
  return {
    key: bytes(cipher.keyLength, 1),
    iv: bytes(cipher.ivLength, 101),
    macKey: bytes(mac?.keyLength ?? 0, 201),
  };
}

/** The outgoing end of a suite. */
export function sealerOf(suite: Suite, provider: CryptoProvider, keys = keysOf(suite)): Sealer {
  return suite.cipher.createSealer(provider, keys, suite.mac);
}

/** The incoming end of a suite. */
export function openerOf(suite: Suite, provider: CryptoProvider, keys = keysOf(suite)): Opener {
  return suite.cipher.createOpener(provider, keys, suite.mac);
}

/** A packet in the clear around so much payload, padded as this shape wants it. */
export function packetOf(shape: PacketShape, payloadLength: number, start = 0): Uint8Array {
  const { blockSize, lengthIsAligned } = shape;
  const unpadded = (lengthIsAligned ? 5 : 1) + payloadLength;
  let padding = blockSize - (unpadded % blockSize);
  if (padding < 4) padding += blockSize;
  const packet = Uint8Array.from(
    { length: 5 + payloadLength + padding },
    (_, at) => (at + start) & 0xff,
  );
  writeUint32(packet, 0, packet.length - 4);
  packet[4] = padding;
  return packet;
}

/** A packet, sealed into memory of its own. */
export function sealed(sealer: Sealer, packet: Uint8Array, sequenceNumber: number): Uint8Array {
  const target = new Uint8Array(packet.length + sealer.tagLength);
  sealer.seal(packet, sequenceNumber, target, 0);
  return target;
}

/** How far a packet came: opened, or where it was refused. */
export type Opening =
  | { readonly packetLength: number; readonly plaintext: Uint8Array }
  | { readonly packetLength: number; readonly refusedBy: 'length' | 'mac' };

/** Hands a packet through an opener, as the pipeline does. */
export function opening(opener: Opener, packet: Uint8Array, sequenceNumber: number): Opening {
  const head = packet.subarray(0, opener.headLength);
  const packetLength = opener.packetLength(head, sequenceNumber);
  if (4 + packetLength + opener.tagLength !== packet.length) {
    return { packetLength, refusedBy: 'length' };
  }
  if (!opener.verifyCiphertext(packet, sequenceNumber)) return { packetLength, refusedBy: 'mac' };
  const plaintext = opener.decrypt(packet, sequenceNumber);
  return plaintext !== undefined && opener.verifyPlaintext(plaintext, packet, sequenceNumber)
    ? { packetLength, plaintext }
    : { packetLength, refusedBy: 'mac' };
}
