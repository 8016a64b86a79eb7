/**
 * aes128-gcm@openssh.com and aes256-gcm@openssh.com: AES-GCM as in RFC 5647, negotiated as a cipher that brings its own tag
 * (OpenSSH PROTOCOL 1.6). packet_length goes in the clear as associated data. The nonce is 4 fixed bytes and an invocation
 * counter of 8, which begins with the IV and counts the packets (§7.1); sequence numbers play no part.
 */
import { readUint32 } from '../wire/bytes.ts';
import type { CryptoProvider, GcmKey } from './provider.ts';
import type { DirectionKeys, Opener, Sealer } from './suite.ts';

const TAG_LENGTH = 16;
const BLOCK = 16;
const COUNTER_START = 4;

/** Seals packets with AES-GCM (RFC 5647 §7.3). */
export class GcmSealer implements Sealer {
  readonly blockSize = BLOCK;
  readonly tagLength = TAG_LENGTH;
  readonly lengthIsAligned = false;
  readonly #gcm: GcmKey;
  readonly #nonce: Uint8Array;

  constructor(provider: CryptoProvider, keys: DirectionKeys) {
    this.#gcm = provider.aesGcm(keys.key);
    this.#nonce = keys.iv.slice();
  }

  seal(packet: Uint8Array, _sequenceNumber: number, target: Uint8Array, offset: number): void {
    const length = packet.subarray(0, 4);
    this.#gcm.seal(this.#nonce, length, packet.subarray(4), target, offset + 4);
    target.set(length, offset);
    countInvocation(this.#nonce);
  }
}

/** Opens packets of AES-GCM; the tag is verified while decrypting (RFC 5647 §7.3). */
export class GcmOpener implements Opener {
  readonly blockSize = BLOCK;
  readonly tagLength = TAG_LENGTH;
  readonly lengthIsAligned = false;
  readonly headLength = 4;
  readonly #gcm: GcmKey;
  readonly #nonce: Uint8Array;

  constructor(provider: CryptoProvider, keys: DirectionKeys) {
    this.#gcm = provider.aesGcm(keys.key);
    this.#nonce = keys.iv.slice();
  }

  packetLength(head: Uint8Array): number {
    return readUint32(head, 0);
  }

  verifyCiphertext(): boolean {
    return true;
  }

  decrypt(packet: Uint8Array): Uint8Array | undefined {
    const plaintext = this.#gcm.open(this.#nonce, packet.subarray(0, 4), packet.subarray(4));
    countInvocation(this.#nonce);
    return plaintext;
  }

  verifyPlaintext(): boolean {
    return true;
  }
}

/** Adds one to the invocation counter, big-endian and modulo 2⁶⁴ (RFC 5647 §7.1). */
function countInvocation(nonce: Uint8Array): void {
  for (let at = nonce.length - 1; at >= COUNTER_START; at--) {
    const next = ((nonce[at] ?? 0) + 1) & 0xff;
    nonce[at] = next;
    if (next !== 0) return;
  }
}
