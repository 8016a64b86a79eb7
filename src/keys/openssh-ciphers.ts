/**
 * The ciphers that encrypt OpenSSH's private key files (PROTOCOL.key §1). They carry the names of the transport's ciphers, but
 * a file is one message: the whole of it under one key, with no packet length and no sequence number.
 */
import type { CryptoProvider } from '../crypto/provider.ts';
import { concatBytes, equalBytesConstantTime } from '../wire/bytes.ts';

/** One way to encrypt a key file. */
export interface KeyFileCipher {
  readonly name: string;
  readonly keyLength: number;
  readonly ivLength: number;
  /** What the padding aligns to. */
  readonly blockSize: number;
  /** Bytes of authentication tag behind the encrypted part. */
  readonly tagLength: number;
  /** The ciphertext, with the tag behind it. */
  encrypt(provider: CryptoProvider, keys: CipherKeys, plaintext: Uint8Array): Uint8Array;
  /** The plaintext of ciphertext and tag in fresh memory, or `undefined` when the tag is wrong. */
  decrypt(provider: CryptoProvider, keys: CipherKeys, sealed: Uint8Array): Uint8Array | undefined;
}

/** What a cipher needs beside the text. */
export interface CipherKeys {
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
}

/** The name that stands for "not encrypted". */
export const NO_CIPHER = 'none';

const NOTHING = new Uint8Array(0);
/** Of AES-GCM and of Poly1305. */
const TAG_LENGTH = 16;
const CHACHA_BLOCK = 64;

const KEY_FILE_CIPHERS: readonly KeyFileCipher[] = [
  {
    name: NO_CIPHER,
    keyLength: 0,
    ivLength: 0,
    blockSize: 8,
    tagLength: 0,
    encrypt: (_provider, _keys, plaintext) => plaintext.slice(),
    decrypt: (_provider, _keys, sealed) => sealed.slice(),
  },
  aesCtr('aes256-ctr', 32),
  aesCtr('aes192-ctr', 24),
  aesCtr('aes128-ctr', 16),
  // aes256-cbc was the default of ssh-keygen 6.5 to 7.5
  cbc('aes256-cbc', 32, 16, 'aesCbc'),
  cbc('aes192-cbc', 24, 16, 'aesCbc'),
  cbc('aes128-cbc', 16, 16, 'aesCbc'),
  cbc('3des-cbc', 24, 8, 'tripleDesCbc'),
  aesGcm('aes256-gcm@openssh.com', 32),
  aesGcm('aes128-gcm@openssh.com', 16),
  {
    name: 'chacha20-poly1305@openssh.com',
    keyLength: 64,
    ivLength: 0,
    blockSize: 8,
    tagLength: TAG_LENGTH,
    encrypt: (provider, { key }, plaintext) => {
      const { cipher, macKey } = chacha20(provider, key);
      const ciphertext = cipher(plaintext);
      return concatBytes([ciphertext, provider.poly1305(macKey, [ciphertext])]);
    },
    decrypt: (provider, { key }, sealed) => {
      const { cipher, macKey } = chacha20(provider, key);
      const ciphertext = sealed.subarray(0, -TAG_LENGTH);
      const tag = provider.poly1305(macKey, [ciphertext]);
      return equalBytesConstantTime(tag, sealed.subarray(-TAG_LENGTH))
        ? cipher(ciphertext)
        : undefined;
    },
  },
];

/** The cipher of this name; `undefined` when there is none. */
export function keyFileCipher(name: string): KeyFileCipher | undefined {
  return KEY_FILE_CIPHERS.find((row) => row.name === name);
}

function aesCtr(name: string, keyLength: number): KeyFileCipher {
  return {
    name,
    keyLength,
    ivLength: 16,
    blockSize: 16,
    tagLength: 0,
    encrypt: (provider, { key, iv }, plaintext) => provider.aesCtr(key, iv)(plaintext),
    decrypt: (provider, { key, iv }, sealed) => provider.aesCtr(key, iv)(sealed),
  };
}

function cbc(
  name: string,
  keyLength: number,
  blockSize: number,
  mode: 'aesCbc' | 'tripleDesCbc',
): KeyFileCipher {
  return {
    name,
    keyLength,
    ivLength: blockSize,
    blockSize,
    tagLength: 0,
    encrypt: (provider, { key, iv }, plaintext) => provider[mode](key, iv, 'encrypt')(plaintext),
    decrypt: (provider, { key, iv }, sealed) => provider[mode](key, iv, 'decrypt')(sealed),
  };
}

function aesGcm(name: string, keyLength: number): KeyFileCipher {
  return {
    name,
    keyLength,
    ivLength: 12,
    blockSize: 16,
    tagLength: TAG_LENGTH,
    encrypt: (provider, { key, iv }, plaintext) => {
      const sealed = new Uint8Array(plaintext.length + TAG_LENGTH);
      provider.aesGcm(key).seal(iv, NOTHING, plaintext, sealed, 0);
      return sealed;
    },
    decrypt: (provider, { key, iv }, sealed) => provider.aesGcm(key).open(iv, NOTHING, sealed),
  };
}

/**
 * The two streams of PROTOCOL.chacha20poly1305 for "packet 0" without a length: the first half of the key encrypts, and its
 * block 0 is the key of the MAC. The second half would encrypt packet lengths and is not used.
 */
function chacha20(
  provider: CryptoProvider,
  key: Uint8Array,
): { readonly cipher: (input: Uint8Array) => Uint8Array; readonly macKey: Uint8Array } {
  const cipher = provider.chacha20(key.subarray(0, 32), new Uint8Array(8));
  const macKey = cipher(new Uint8Array(CHACHA_BLOCK)).subarray(0, 32);
  return { cipher, macKey };
}
