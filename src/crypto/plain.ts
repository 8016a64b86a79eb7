/** How packets stand before the first NEWKEYS: nothing is protected (RFC 4253 §6). */
import { readUint32 } from '../wire/bytes.ts';
import type { Opener, Sealer } from './suite.ts';

const PLAIN = { blockSize: 8, tagLength: 0, lengthIsAligned: true } as const;

/** Sends packets as they are (RFC 4253 §6). */
export const plainSealer: Sealer = {
  ...PLAIN,
  seal(packet, _sequenceNumber, target, offset) {
    target.set(packet, offset);
  },
};

/** Takes packets as they are; there is nothing to verify (RFC 4253 §6). */
export const plainOpener: Opener = {
  ...PLAIN,
  headLength: 4,
  packetLength: (head) => readUint32(head, 0),
  verifyCiphertext: () => true,
  decrypt: (packet) => packet.slice(4),
  verifyPlaintext: () => true,
};
