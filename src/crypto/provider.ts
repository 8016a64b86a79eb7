/**
 * The crypto seam: every primitive that SSH needs, as plain functions over bytes. The portable provider stands on `@noble/*`
 * and runs everywhere; the Node provider stands on `node:crypto` and falls back to the portable one, row by row, for what the
 * platform's OpenSSL lacks. Nothing outside `src/crypto/` names a crypto library.
 */

/** Hash functions, by the names that HMAC, key derivation and signatures use. */
export type HashName = 'md5' | SignatureHash;

/** Hash functions with which RSA signs. */
export type SignatureHash = 'sha1' | 'sha256' | 'sha384' | 'sha512';

/** NIST curves, by their SSH identifiers (RFC 5656 §10.1). */
export type CurveName = 'nistp256' | 'nistp384' | 'nistp521';

/** Encrypts or decrypts a stream whose state lives on between calls; the output is fresh memory. */
export type StreamCipher = (input: Uint8Array) => Uint8Array;

/** AES-GCM under one key: 12-byte nonces, 16-byte tags, never shorter (RFC 5647 §5). */
export interface GcmKey {
  /** Writes ciphertext and tag, in this order, into `target` from `offset` on; `plaintext` may lie in the same memory. */
  seal(
    nonce: Uint8Array,
    associated: Uint8Array,
    plaintext: Uint8Array,
    target: Uint8Array,
    offset: number,
  ): void;
  /** The plaintext of ciphertext and tag in fresh memory, or `undefined` when the tag is wrong. */
  open(nonce: Uint8Array, associated: Uint8Array, sealed: Uint8Array): Uint8Array | undefined;
}

/** One side of a Diffie-Hellman like agreement. */
export interface KeyAgreement {
  /** What the other side is sent. */
  readonly publicKey: Uint8Array;
  /** The shared secret. Throws a `protocol` error (reason 3) for a malformed or low-order point. */
  agree(peerPublicKey: Uint8Array): Uint8Array;
}

/** The integers modulo a safe prime (RFC 4253 §8, RFC 3526). */
export interface ModpGroup {
  /** The prime. */
  readonly p: bigint;
  /** The generator. */
  readonly g: bigint;
}

/** A key that others encapsulate to (ML-KEM, FIPS 203; Streamlined NTRU Prime, RFC 9941). */
export interface KemKeyPair {
  /** What the other side encapsulates to. */
  readonly publicKey: Uint8Array;
  /** The shared secret; throws a `protocol` error (reason 3) for a ciphertext of the wrong length. */
  decapsulate(ciphertext: Uint8Array): Uint8Array;
}

/** A secret, and what lets the holder of a key come to it. */
export interface Encapsulation {
  readonly ciphertext: Uint8Array;
  readonly sharedSecret: Uint8Array;
}

/** Unsigned integers of an RSA key. */
export interface RsaPublicNumbers {
  readonly n: bigint;
  readonly e: bigint;
}

/** Unsigned integers of an RSA private key, as OpenSSH's key files carry them. */
export interface RsaPrivateNumbers extends RsaPublicNumbers {
  readonly d: bigint;
  readonly p: bigint;
  readonly q: bigint;
  /** q⁻¹ mod p */
  readonly iqmp: bigint;
}

/** Numbers of a DSA key (FIPS 186-2 §4). */
export interface DsaPublicNumbers {
  readonly p: bigint;
  readonly q: bigint;
  readonly g: bigint;
  readonly y: bigint;
}

/** Numbers of a DSA private key. */
export interface DsaPrivateNumbers extends DsaPublicNumbers {
  readonly x: bigint;
}

/** The primitives. All functions are synchronous but RSA signing, which browsers only do asynchronously. */
export interface CryptoProvider {
  readonly name: string;
  /** The cipher that a client prefers with it, where that is not the first of all: AES in plain JavaScript is slow. */
  readonly bestCipher?: string;
  /** Bytes from the platform's cryptographic generator. */
  randomBytes(length: number): Uint8Array;
  /** The digest over the parts, one after the other. */
  hash(name: HashName, parts: readonly Uint8Array[]): Uint8Array;
  /** A function that computes the HMAC over parts, under one key. */
  hmac(name: HashName, key: Uint8Array): (parts: readonly Uint8Array[]) => Uint8Array;
  /** AES in counter mode with a 16-byte big-endian counter (RFC 4344 §4); the direction does not matter. */
  aesCtr(key: Uint8Array, counter: Uint8Array): StreamCipher;
  /** AES in CBC mode over whole blocks, without padding (RFC 4253 §6.3). */
  aesCbc(key: Uint8Array, iv: Uint8Array, direction: 'encrypt' | 'decrypt'): StreamCipher;
  /** Triple DES in CBC mode over whole blocks, without padding, under a key of 24 bytes (RFC 4253 §6.3). */
  tripleDesCbc(key: Uint8Array, iv: Uint8Array, direction: 'encrypt' | 'decrypt'): StreamCipher;
  /** AES-GCM under a key of 16 or 32 bytes. */
  aesGcm(key: Uint8Array): GcmKey;
  /** ChaCha20 with a 64-bit nonce and a 64-bit block counter that begins at 0 (the original one, not RFC 8439's). */
  chacha20(key: Uint8Array, nonce: Uint8Array): StreamCipher;
  /** The 16-byte Poly1305 tag over the parts under a one-time key of 32 bytes. */
  poly1305(key: Uint8Array, parts: readonly Uint8Array[]): Uint8Array;
  /** Takes back what a stream cipher has returned and the caller has copied; nobody looks at it afterwards. */
  giveBack?(result: Uint8Array): void;

  /** A new X25519 key, or the one with this private scalar. An all-zero secret is refused (RFC 8731 §3). */
  x25519(privateKey?: Uint8Array): KeyAgreement;
  /** A new key on a NIST curve, or this one; points go uncompressed, others are refused (RFC 5656 §4). */
  ecdh(curve: CurveName, privateKey?: Uint8Array): KeyAgreement;
  /**
   * A new key in a group of integers modulo a prime, or this one. Public values and secrets are unsigned, as long as the prime;
   * a public value that is not between 1 and p - 1, or that has hardly a bit set, is refused.
   */
  modp(group: ModpGroup, exponent?: Uint8Array): KeyAgreement;
  /** A new ML-KEM-768 key pair, or the one of this 64-byte seed. */
  mlkem768(seed?: Uint8Array): KemKeyPair;
  /** A secret and its encapsulation for the holder of `publicKey`; the 32 random bytes can be given for vectors. */
  mlkem768Encapsulate(publicKey: Uint8Array, random?: Uint8Array): Encapsulation;

  /** The public key of a 32-byte Ed25519 seed. */
  ed25519PublicKey(seed: Uint8Array): Uint8Array;
  /** A signature of 64 bytes (RFC 8032) with a 32-byte seed. */
  ed25519Sign(seed: Uint8Array, data: Uint8Array): Uint8Array;
  /** Small-order public keys and non-canonical S never verify. */
  ed25519Verify(publicKey: Uint8Array, data: Uint8Array, signature: Uint8Array): boolean;

  /** A new ECDSA private key, as fixed-length big-endian bytes. */
  ecdsaGenerate(curve: CurveName): Uint8Array;
  /** The uncompressed point of a private key. */
  ecdsaPublicKey(curve: CurveName, privateKey: Uint8Array): Uint8Array;
  /** r and s, each in fixed length, one after the other; hashed with the curve's own hash (RFC 5656 §6.2.1). */
  ecdsaSign(curve: CurveName, privateKey: Uint8Array, data: Uint8Array): Uint8Array;
  /** `point` must be uncompressed and on the curve: anything else never verifies. */
  ecdsaVerify(
    curve: CurveName,
    point: Uint8Array,
    data: Uint8Array,
    signature: Uint8Array,
  ): boolean;

  /** An RSASSA-PKCS1-v1_5 signature, as long as the modulus; checked with the public key before it is returned. */
  rsaSign(
    key: RsaPrivateNumbers,
    hash: SignatureHash,
    data: Uint8Array,
  ): Uint8Array | Promise<Uint8Array>;
  /** A new DSA key of 1024 bits as PKCS#8 in DER, where the platform makes them. */
  dsaGenerate?(): Uint8Array;
  /** A signature with its leading zeros trimmed verifies; one that is longer than the modulus does not. */
  rsaVerify(
    key: RsaPublicNumbers,
    hash: SignatureHash,
    data: Uint8Array,
    signature: Uint8Array,
  ): boolean;
}
