/**
 * aes128-ctr, aes192-ctr and aes256-ctr (RFC 4344 §4) with a MAC, in both orders. Encrypt-and-MAC (RFC 4253 §6.4): the length is
 * encrypted with the rest, the MAC is over the plaintext. Encrypt-then-MAC (OpenSSH PROTOCOL 1.5): the length is in the clear,
 * the MAC is over it and the ciphertext. The key stream goes on from packet to packet.
 */
import { equalBytesConstantTime, readUint32 } from '../wire/bytes.ts';
import type { MacRow } from './macs.ts';
import type { CryptoProvider } from './provider.ts';
import type { DirectionKeys, Opener, Sealer } from './suite.ts';

const BLOCK = 16;
/** The rest of the first block behind packet_length. */
const BLOCK_REST = BLOCK - 4;

/** Seals packets with AES-CTR and a MAC. */
export function ctrSealer(provider: CryptoProvider, keys: DirectionKeys, mac: MacRow): Sealer {
  const stream = provider.aesCtr(keys.key, keys.iv);
  const tag = mac.create(provider, keys.macKey);
  const shape = shapeOf(mac);
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

/** Opens packets of AES-CTR with a MAC. */
export function ctrOpener(provider: CryptoProvider, keys: DirectionKeys, mac: MacRow): Opener {
  return mac.encryptThenMac
    ? encryptThenMacOpener(provider, keys, mac)
    : encryptAndMacOpener(provider, keys, mac);
}

function encryptThenMacOpener(provider: CryptoProvider, keys: DirectionKeys, mac: MacRow): Opener {
  const stream = provider.aesCtr(keys.key, keys.iv);
  const tag = mac.create(provider, keys.macKey);
  const { tagLength } = mac;
  return {
    ...shapeOf(mac),
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

function encryptAndMacOpener(provider: CryptoProvider, keys: DirectionKeys, mac: MacRow): Opener {
  const stream = provider.aesCtr(keys.key, keys.iv);
  const tag = mac.create(provider, keys.macKey);
  const { tagLength } = mac;
  /** The first block, opened to tell the length, until `decrypt` takes its rest. */
  let first: Uint8Array = new Uint8Array(BLOCK);
  return {
    ...shapeOf(mac),
    headLength: BLOCK,
    packetLength(head) {
      first = stream(head.subarray(0, BLOCK));
      return readUint32(first, 0);
    },
    verifyCiphertext: () => true,
    decrypt(packet) {
      const opened = stream(packet.subarray(BLOCK, Math.max(BLOCK, packet.length - tagLength)));
      const plaintext = new Uint8Array(BLOCK_REST + opened.length);
      plaintext.set(first.subarray(4));
      plaintext.set(opened, BLOCK_REST);
      provider.giveBack?.(opened);
      return plaintext;
    },
    verifyPlaintext(plaintext, packet, sequenceNumber) {
      const tagAt = packet.length - tagLength;
      if (tagAt < BLOCK) return false;
      const expected = tag(sequenceNumber, first.subarray(0, 4), plaintext);
      return equalBytesConstantTime(expected, packet.subarray(tagAt));
    },
  };
}

function shapeOf(mac: MacRow): Pick<Sealer, 'blockSize' | 'tagLength' | 'lengthIsAligned'> {
  return { blockSize: BLOCK, tagLength: mac.tagLength, lengthIsAligned: !mac.encryptThenMac };
}
