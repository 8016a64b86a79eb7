/**
 * Random bytes, hashes, MACs and ciphers on node:crypto. On small packets it is beaten in one place only (measured, Node 20):
 * ChaCha20, which SSH begins anew twice a packet.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createSecretKey,
  randomFillSync,
} from 'node:crypto';
import { nobleSymmetric } from './noble-symmetric.ts';
import { giveBack } from '../wire/give-back-node.ts';
import type { CryptoProvider, StreamCipher } from './provider.ts';
import { wasmChacha20 } from './wasm-chacha20.ts';

type AesBits = 128 | 192 | 256;

const GCM_TAG = 16;
/** Without it Node's decipher takes tags of 4 bytes. */
const GCM_OPTIONS = { authTagLength: GCM_TAG };
/** Random bytes that are drawn at once for small requests: the padding of a packet is not worth a call into OpenSSL. */
const RANDOM_POOL = 4096;
/** Largest request that the pool serves. */
const RANDOM_SMALL = 64;

const CHACHA_BLOCK = 64;
/** Up to this many bytes ChaCha20 of our own takes less than making OpenSSL's cipher (1.5 to 3 µs). */
const CHACHA_SMALL = 256;

type Symmetric = Pick<
  CryptoProvider,
  'randomBytes' | 'hash' | 'hmac' | 'aesCtr' | 'aesCbc' | 'tripleDesCbc' | 'aesGcm' | 'chacha20'
>;

/** ChaCha20 without OpenSSL: the whole row where OpenSSL has none. */
export const { chacha20: ownChacha20 } = wasmChacha20() ?? nobleSymmetric;

const pool = new Uint8Array(RANDOM_POOL);
let poolAt = RANDOM_POOL;

/** The symmetric rows of the Node provider; Poly1305 alone OpenSSL does not offer through node:crypto. */
export const nodeSymmetric: Symmetric = {
  randomBytes(length) {
    if (length > RANDOM_SMALL) return randomFillSync(new Uint8Array(length));
    if (poolAt + length > RANDOM_POOL) {
      randomFillSync(pool);
      poolAt = 0;
    }
    const bytes = pool.slice(poolAt, poolAt + length);
    // Handed out once, and not to be found here afterwards.
    pool.fill(0, poolAt, poolAt + length);
    poolAt += length;
    return bytes;
  },

  hash(name, parts) {
    const state = createHash(name);
    for (const part of parts) state.update(part);
    return plainBytes(state.digest());
  },

  hmac(name, key) {
    const secret = createSecretKey(key);
    return (parts) => {
      const state = createHmac(name, secret);
      for (const part of parts) state.update(part);
      return plainBytes(state.digest());
    };
  },

  aesCtr(key, counter) {
    return stream(createCipheriv(`aes-${aesBits(key)}-ctr`, key, counter));
  },

  aesCbc(key, iv, direction) {
    return cbc(`aes-${aesBits(key)}-cbc`, key, iv, direction);
  },

  tripleDesCbc(key, iv, direction) {
    return cbc('des-ede3-cbc', key, iv, direction);
  },

  aesGcm(key) {
    const algorithm = `aes-${aesBits(key)}-gcm` as const;
    const secret = createSecretKey(key);
    return {
      seal(nonce, associated, plaintext, target, offset) {
        const cipher = createCipheriv(algorithm, secret, nonce, GCM_OPTIONS);
        cipher.setAAD(associated);
        const ciphertext = cipher.update(plaintext);
        target.set(ciphertext, offset);
        giveBack(ciphertext);
        cipher.final();
        target.set(cipher.getAuthTag(), offset + plaintext.length);
      },
      open(nonce, associated, sealed) {
        const length = sealed.length - GCM_TAG;
        if (length < 0) return undefined;
        const decipher = createDecipheriv(algorithm, secret, nonce, GCM_OPTIONS);
        decipher.setAAD(associated);
        decipher.setAuthTag(sealed.subarray(length));
        const plaintext = decipher.update(sealed.subarray(0, length));
        try {
          decipher.final();
        } catch {
          // Says that the tag is wrong, and nothing else.
          return undefined;
        }
        return plainBytes(plaintext);
      },
    };
  },

  chacha20(key, nonce) {
    const keptNonce = nonce.slice();
    const small = ownChacha20(key, keptNonce);
    let large: StreamCipher | undefined;
    let at = 0;
    return (input) => {
      if (large === undefined && (input.length <= CHACHA_SMALL || at % CHACHA_BLOCK !== 0)) {
        at += input.length;
        return small(input);
      }
      large ??= opensslChacha20(key, keptNonce, at / CHACHA_BLOCK);
      return large(input);
    };
  },
};

/** ChaCha20 of OpenSSL from a block on. Its IV is the 64-bit block counter, little-endian, and the nonce. */
function opensslChacha20(key: Uint8Array, nonce: Uint8Array, block: number): StreamCipher {
  const iv = new Uint8Array(16);
  new DataView(iv.buffer).setBigUint64(0, BigInt(block), true);
  iv.set(nonce, 8);
  return stream(createCipheriv('chacha20', key, iv));
}

/**
 * A Buffer as the Uint8Array that the rest of the package, and who uses it, expects: `slice` of a Buffer does not copy. Outputs
 * of OpenSSL are fresh memory, so nothing else lives in the ArrayBuffer.
 */
export function plainBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

function cbc(
  algorithm: string,
  key: Uint8Array,
  iv: Uint8Array,
  direction: 'encrypt' | 'decrypt',
): StreamCipher {
  const make = direction === 'encrypt' ? createCipheriv : createDecipheriv;
  return stream(make(algorithm, key, iv).setAutoPadding(false));
}

function stream(cipher: { update(input: Uint8Array): Buffer }): StreamCipher {
  return (input) => plainBytes(cipher.update(input));
}

function aesBits(key: Uint8Array): AesBits {
  const bits = key.length * 8;
  if (bits === 128 || bits === 192 || bits === 256) return bits;
  throw new RangeError(`an AES key of ${key.length} bytes`);
}
