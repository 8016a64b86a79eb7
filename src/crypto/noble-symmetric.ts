/** Ciphers, hashes and MACs in plain JavaScript, on @noble/ciphers and @noble/hashes. They run everywhere. */
import { poly1305 } from '@noble/ciphers/_poly1305.js';
import { cbc, gcm, unsafe } from '@noble/ciphers/aes.js';
import { chacha20orig } from '@noble/ciphers/chacha.js';
import { hmac } from '@noble/hashes/hmac.js';
import { md5, sha1 } from '@noble/hashes/legacy.js';
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { smallCbc } from './block-modes.ts';
import { tripleDes } from './des.ts';
import type { CryptoProvider, HashName } from './provider.ts';
import { resumable } from './resumable.ts';

/** By name. */
export const NOBLE_HASHES = { md5, sha1, sha256, sha384, sha512 };
const AES_BLOCK = 16;
const CHACHA_BLOCK = 64;
const GCM_TAG = 16;

type Symmetric = Pick<
  CryptoProvider,
  'hash' | 'hmac' | 'aesCtr' | 'aesCbc' | 'tripleDesCbc' | 'aesGcm' | 'chacha20' | 'poly1305'
>;

/** The symmetric rows of the portable provider. */
export const nobleSymmetric: Symmetric = {
  hash(name, parts) {
    const state = NOBLE_HASHES[name].create();
    for (const part of parts) state.update(part);
    return state.digest();
  },

  hmac(name: HashName, key: Uint8Array) {
    // The two blocks of the key are hashed once, and each MAC begins with a copy of that state.
    const keyed = hmac.create(NOBLE_HASHES[name], key);
    return (parts) => {
      const state = keyed.clone();
      for (const part of parts) state.update(part);
      return state.digest();
    };
  },

  aesCtr(key, counter) {
    const schedule = unsafe.expandKeyLE(key);
    const block = counter.slice();
    return resumable(AES_BLOCK, (input) => {
      // Words are read from the input: it has to lie on a multiple of 4.
      const aligned = input.byteOffset % 4 === 0 ? input : input.slice();
      // Moves `block` on by the whole blocks of the input.
      return unsafe.ctrCounter(schedule, block, aligned);
    });
  },

  aesCbc(key, iv, direction) {
    const kept = key.slice();
    let previous = iv.slice();
    return (input) => {
      const output = cbc(kept, previous, { disablePadding: true })[direction](input);
      const ciphertext = direction === 'encrypt' ? output : input;
      if (input.length > 0) previous = ciphertext.slice(-AES_BLOCK);
      return output;
    };
  },

  tripleDesCbc: (key, iv, direction) => smallCbc(tripleDes(key), iv, direction),

  aesGcm(key) {
    const kept = key.slice();
    return {
      seal(nonce, associated, plaintext, target, offset) {
        target.set(gcm(kept, nonce, associated).encrypt(plaintext), offset);
      },
      open(nonce, associated, sealed) {
        if (sealed.length < GCM_TAG) return undefined;
        try {
          return gcm(kept, nonce, associated).decrypt(sealed);
        } catch {
          // The only thing that can fail under a key and a nonce that sealed before.
          return undefined;
        }
      },
    };
  },

  chacha20(key, nonce) {
    const keptKey = key.slice();
    const keptNonce = nonce.slice();
    let blocks = 0;
    return resumable(CHACHA_BLOCK, (input) => {
      const output = chacha20orig(keptKey, keptNonce, input, undefined, blocks);
      blocks += Math.floor(input.length / CHACHA_BLOCK);
      return output;
    });
  },

  poly1305(key, parts) {
    const state = poly1305.create(key);
    for (const part of parts) state.update(part);
    return state.digest();
  },
};
