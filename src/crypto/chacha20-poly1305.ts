/**
 * chacha20-poly1305@openssh.com (OpenSSH PROTOCOL.chacha20poly1305). The key is two: K_2, the first half, is for the packet,
 * K_1, the second half, for packet_length alone. The nonce is the sequence number. Block 0 of K_2's key stream is the Poly1305
 * key, the packet is encrypted from block 1 on, and the tag is over the encrypted length and the ciphertext.
 */
import { equalBytesConstantTime, readUint32, writeUint32 } from '../wire/bytes.ts';
import type { CryptoProvider, StreamCipher } from './provider.ts';
import type { DirectionKeys, Opener, Sealer } from './suite.ts';

const TAG_LENGTH = 16;
const SHAPE = { blockSize: 8, tagLength: TAG_LENGTH, lengthIsAligned: false } as const;
const HALF_KEY = 32;
const POLY1305_KEY = 32;
/** A block of ChaCha20; what is read of its key stream is what zeros encrypt to. */
const ZERO_BLOCK = new Uint8Array(64);

/** The parts that both directions have. */
interface PacketCipher {
  /** Encrypts or decrypts packet_length. */
  length(head: Uint8Array, sequenceNumber: number): Uint8Array;
  /** The stream for the body of a packet, and the key for its tag. */
  body(sequenceNumber: number): { readonly stream: StreamCipher; readonly macKey: Uint8Array };
}

/** Seals packets with ChaCha20 and Poly1305 (OpenSSH PROTOCOL.chacha20poly1305). */
export function chachaSealer(provider: CryptoProvider, keys: DirectionKeys): Sealer {
  const cipher = packetCipher(provider, keys);
  return {
    ...SHAPE,
    seal(packet, sequenceNumber, target, offset) {
      const { stream, macKey } = cipher.body(sequenceNumber);
      const tagAt = offset + packet.length;
      const length = cipher.length(packet.subarray(0, 4), sequenceNumber);
      const ciphertext = stream(packet.subarray(4));
      target.set(ciphertext, offset + 4);
      provider.giveBack?.(ciphertext);
      target.set(length, offset);
      target.set(provider.poly1305(macKey, [target.subarray(offset, tagAt)]), tagAt);
    },
  };
}

/** Opens packets of ChaCha20 and Poly1305; the tag is verified before anything but the length is decrypted. */
export function chachaOpener(provider: CryptoProvider, keys: DirectionKeys): Opener {
  const cipher = packetCipher(provider, keys);
  let verified: StreamCipher | undefined;
  return {
    ...SHAPE,
    headLength: 4,
    packetLength(head, sequenceNumber) {
      return readUint32(cipher.length(head.subarray(0, 4), sequenceNumber), 0);
    },
    verifyCiphertext(packet, sequenceNumber) {
      const tagAt = packet.length - TAG_LENGTH;
      if (tagAt < 4) return false;
      const { stream, macKey } = cipher.body(sequenceNumber);
      const expected = provider.poly1305(macKey, [packet.subarray(0, tagAt)]);
      const isRight = equalBytesConstantTime(expected, packet.subarray(tagAt));
      verified = isRight ? stream : undefined;
      return isRight;
    },
    decrypt(packet) {
      const plaintext = verified?.(packet.subarray(4, packet.length - TAG_LENGTH));
      verified = undefined;
      return plaintext;
    },
    verifyPlaintext: () => true,
  };
}

function packetCipher(provider: CryptoProvider, keys: DirectionKeys): PacketCipher {
  const mainKey = keys.key.slice(0, HALF_KEY);
  const lengthKey = keys.key.slice(HALF_KEY);
  // The sequence number as a big-endian uint64; it has 32 bits.
  const nonce = new Uint8Array(8);
  return {
    length(head, sequenceNumber) {
      writeUint32(nonce, 4, sequenceNumber);
      return provider.chacha20(lengthKey, nonce)(head);
    },
    body(sequenceNumber) {
      writeUint32(nonce, 4, sequenceNumber);
      const stream = provider.chacha20(mainKey, nonce);
      return { stream, macKey: stream(ZERO_BLOCK).subarray(0, POLY1305_KEY) };
    },
  };
}
