/**
 * Ciphers that do not authenticate, with a MAC, in both orders. Encrypt-and-MAC (RFC 4253 §6.4): the length is encrypted with the
 * rest, the MAC is over the plaintext. Encrypt-then-MAC (OpenSSH PROTOCOL 1.5): the length is in the clear, the MAC is over it and
 * the ciphertext. Key stream or chain go on from packet to packet.
 */
import { equalBytesConstantTime, readUint32 } from '../wire/bytes.ts';
import type { MacRow } from './macs.ts';
import type { CryptoProvider, StreamCipher } from './provider.ts';
import type { Opener, PacketShape, Sealer } from './suite.ts';

/** What seals or opens the packets of one direction. */
export interface CipherAndMac {
  readonly provider: CryptoProvider;
  /** Under its key, in one direction. */
  readonly stream: StreamCipher;
  readonly blockSize: number;
  readonly mac: MacRow;
  readonly macKey: Uint8Array;
  /** Does a changed block of ciphertext change the plaintext in a way that an attacker knows (CBC)? */
  readonly isChained: boolean;
}

/** Seals packets. */
export function macSealer(parts: CipherAndMac): Sealer {
  const { provider, stream, mac } = parts;
  const tag = mac.create(provider, parts.macKey);
  const shape = shapeOf(parts);
  if (mac.encryptThenMac) {
    return {
      ...shape,
      seal(packet, sequenceNumber, target, offset) {
        const tagAt = offset + packet.length;
        target.set(packet.subarray(0, 4), offset);
        const ciphertext = stream(packet.subarray(4));
        target.set(ciphertext, offset + 4);
        provider.giveBack?.(ciphertext);
        target.set(tag(sequenceNumber, target.subarray(offset, tagAt)), tagAt);
      },
    };
  }
  return {
    ...shape,
    seal(packet, sequenceNumber, target, offset) {
      // Before the ciphertext is written, which may go over the packet.
      const plaintextTag = tag(sequenceNumber, packet);
      const ciphertext = stream(packet);
      target.set(ciphertext, offset);
      provider.giveBack?.(ciphertext);
      target.set(plaintextTag, offset + packet.length);
    },
  };
}

/** Opens packets. */
export function macOpener(parts: CipherAndMac): Opener {
  return parts.mac.encryptThenMac ? encryptThenMacOpener(parts) : encryptAndMacOpener(parts);
}

function encryptThenMacOpener(parts: CipherAndMac): Opener {
  const { provider, mac } = parts;
  const stream = wholeBlocks(parts);
  const tag = mac.create(provider, parts.macKey);
  const { tagLength } = mac;
  return {
    ...shapeOf(parts),
    headLength: 4,
    packetLength: (head) => readUint32(head, 0),
    verifyCiphertext(packet, sequenceNumber) {
      const tagAt = packet.length - tagLength;
      if (tagAt < 4) return false;
      const expected = tag(sequenceNumber, packet.subarray(0, tagAt));
      return equalBytesConstantTime(expected, packet.subarray(tagAt));
    },
    decrypt: (packet) => stream(packet.subarray(4, Math.max(4, packet.length - tagLength))),
    verifyPlaintext: () => true,
  };
}

function encryptAndMacOpener(parts: CipherAndMac): Opener {
  const { provider, mac, blockSize, isChained } = parts;
  const stream = wholeBlocks(parts);
  const tag = mac.create(provider, parts.macKey);
  const { tagLength } = mac;
  /** The rest of the first block behind packet_length. */
  const blockRest = blockSize - 4;
  /** The first block, opened to tell the length, until `decrypt` takes its rest. */
  let first: Uint8Array = new Uint8Array(blockSize);
  return {
    ...shapeOf(parts),
    headLength: blockSize,
    concealsFaults: isChained,
    packetLength(head) {
      first = stream(head.subarray(0, blockSize));
      return readUint32(first, 0);
    },
    verifyCiphertext: () => true,
    decrypt(packet) {
      const opened = stream(
        packet.subarray(blockSize, Math.max(blockSize, packet.length - tagLength)),
      );
      const plaintext = new Uint8Array(blockRest + opened.length);
      plaintext.set(first.subarray(4));
      plaintext.set(opened, blockRest);
      provider.giveBack?.(opened);
      return plaintext;
    },
    verifyPlaintext(plaintext, packet, sequenceNumber) {
      const tagAt = packet.length - tagLength;
      if (tagAt < blockSize) return false;
      const expected = tag(sequenceNumber, first.subarray(0, 4), plaintext);
      return equalBytesConstantTime(expected, packet.subarray(tagAt));
    },
  };
}

function shapeOf({ blockSize, mac }: CipherAndMac): PacketShape {
  return { blockSize, tagLength: mac.tagLength, lengthIsAligned: !mac.encryptThenMac };
}

/** A packet that does not end on a block is none; that its MAC is wrong is found out behind this. */
function wholeBlocks({ stream, blockSize }: CipherAndMac): StreamCipher {
  return (input) => {
    const rest = input.length % blockSize;
    return stream(rest === 0 ? input : input.subarray(0, input.length - rest));
  };
}
