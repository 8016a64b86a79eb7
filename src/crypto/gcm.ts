/**
 * aes128-gcm@openssh.com and aes256-gcm@openssh.com: AES-GCM as in RFC 5647, negotiated as a cipher that brings its own tag
 * (OpenSSH PROTOCOL 1.6). packet_length goes in the clear as associated data. The nonce is 4 fixed bytes and an invocation
 * counter of 8, which begins with the IV and counts the packets (§7.1); sequence numbers play no part.
 */
import { readUint32 } from '../wire/bytes.ts';
import type { CryptoProvider } from './provider.ts';
import type { DirectionKeys, Opener, Sealer } from './suite.ts';

const TAG_LENGTH = 16;
const SHAPE = { blockSize: 16, tagLength: TAG_LENGTH, lengthIsAligned: false } as const;
const COUNTER_START = 4;

/** Seals packets with AES-GCM (RFC 5647 §7.3). */
export function gcmSealer(provider: CryptoProvider, keys: DirectionKeys): Sealer {
  const gcm = provider.aesGcm(keys.key);
  const nonce = keys.iv.slice();
  return {
    ...SHAPE,
    seal(packet, _sequenceNumber, target, offset) {
      const length = packet.subarray(0, 4);
      gcm.seal(nonce, length, packet.subarray(4), target, offset + 4);
      target.set(length, offset);
      countInvocation(nonce);
    },
  };
}

/** Opens packets of AES-GCM; the tag is verified while decrypting (RFC 5647 §7.3). */
export function gcmOpener(provider: CryptoProvider, keys: DirectionKeys): Opener {
  const gcm = provider.aesGcm(keys.key);
  const nonce = keys.iv.slice();
  return {
    ...SHAPE,
    headLength: 4,
    packetLength: (head) => readUint32(head, 0),
    verifyCiphertext: () => true,
    decrypt(packet) {
      const plaintext = gcm.open(nonce, packet.subarray(0, 4), packet.subarray(4));
      countInvocation(nonce);
      return plaintext;
    },
    verifyPlaintext: () => true,
  };
}

/** Adds one to the invocation counter, big-endian and modulo 2⁶⁴ (RFC 5647 §7.1). */
function countInvocation(nonce: Uint8Array): void {
  for (let at = nonce.length - 1; at >= COUNTER_START; at--) {
    const next = ((nonce[at] ?? 0) + 1) & 0xff;
    nonce[at] = next;
    if (next !== 0) return;
  }
}
