/**
 * Private keys in memory. The secret part is kept out of reach of `console.log` and `JSON.stringify`; ask for it with
 * `secret()`. Files are read in private-key-file.ts.
 */
import { defaultProvider } from '#crypto';
import { CURVE_LENGTHS } from '../crypto/checks.ts';
import type {
  CryptoProvider,
  CurveName,
  DsaPrivateNumbers,
  RsaPrivateNumbers,
} from '../crypto/provider.ts';
import { dsaPublic, dsaSign, isSafeDsaKey } from '../crypto/dsa.ts';
import { MAX_RSA_BITS } from '../crypto/rsa.ts';
import { generateRsa } from '../crypto/rsa-generate.ts';
import { SshError } from '../errors.ts';
import { keyFormatError } from './key-format.ts';
import { readPkcs8 } from './pem-structures.ts';
import {
  MINIMUM_RSA_BITS,
  type PublicKey,
  publicKeyOf,
  type PublicKeyMaterial,
} from './public-key.ts';
import {
  encodeSignature,
  signatureAlgorithm,
  signatureAlgorithmsFor,
} from './signature-algorithms.ts';
import type { Signer } from './signer.ts';

/** As ssh-keygen makes them. */
const DEFAULT_RSA_BITS = 3072;

/** The secret part of a key. */
export type PrivateKeyMaterial =
  | {
      readonly kind: 'ed25519';
      /** The 32 bytes that RFC 8032 §5.1.5 calls the private key. */
      readonly seed: Uint8Array;
    }
  | {
      readonly kind: 'ecdsa';
      readonly curve: CurveName;
      /** The scalar as big-endian bytes, as long as a coordinate of the curve. */
      readonly scalar: Uint8Array;
    }
  | ({ readonly kind: 'rsa' } & RsaPrivateNumbers)
  | ({ readonly kind: 'dsa' } & DsaPrivateNumbers);

/** What a key carries along. */
export interface PrivateKeyOptions {
  readonly comment?: string;
  /** Where the key came from, for messages. */
  readonly source?: string;
  /** What kind of file it came from: `OpenSSH`, `PKCS#1`, `SEC 1`, `PKCS#8`. */
  readonly format?: string;
  readonly provider?: CryptoProvider;
}

/** A private key that signs in this process. */
export class PrivateKey implements Signer {
  readonly publicKey: PublicKey;
  readonly algorithms: readonly string[];
  readonly comment?: string;
  readonly source?: string;
  readonly format?: string;
  readonly isImmediate = true;
  readonly #material: PrivateKeyMaterial;
  readonly #provider: CryptoProvider;

  /**
   * The public key is computed from the secret part, which is kept and not copied. Throws a `key-format` error for a secret part that is no key.
   */
  constructor(material: PrivateKeyMaterial, options: PrivateKeyOptions = {}) {
    this.#material = material;
    this.#provider = options.provider ?? defaultProvider;
    this.publicKey = publicKeyOf(publicMaterial(material, this.#provider));
    this.algorithms = signatureAlgorithmsFor(this.publicKey.type);
    if (options.comment !== undefined) this.comment = options.comment;
    if (options.source !== undefined) this.source = options.source;
    if (options.format !== undefined) this.format = options.format;
  }

  /** The secret part, for whoever writes key files. */
  secret(): PrivateKeyMaterial {
    return this.#material;
  }

  /**
   * Signs the data; the result is a signature blob (RFC 4253 §6.6), for RSA perhaps a promise of one.
   * Throws an `unsupported` error when the algorithm does not fit the key.
   */
  sign(data: Uint8Array, algorithm: string): Uint8Array | Promise<Uint8Array> {
    const row = signatureAlgorithm(algorithm);
    if (row?.keyType !== this.publicKey.type) {
      throw new SshError(
        'unsupported',
        `a key of type ${this.publicKey.type} does not sign with ${algorithm}`,
        { feature: algorithm },
      );
    }
    const material = this.#material;
    switch (material.kind) {
      case 'ed25519':
        return encodeSignature(algorithm, this.#provider.ed25519Sign(material.seed, data));
      case 'ecdsa':
        return encodeSignature(
          algorithm,
          this.#provider.ecdsaSign(material.curve, material.scalar, data),
        );
      case 'dsa':
        return encodeSignature(algorithm, dsaSign(material, data, this.#provider));
      case 'rsa': {
        const signature = this.#provider.rsaSign(material, row.hash, data);
        return signature instanceof Uint8Array
          ? encodeSignature(algorithm, signature)
          : signature.then((bytes) => encodeSignature(algorithm, bytes));
      }
    }
  }
}

/**
 * The Ed25519 key of a 32-byte seed, which is copied. Throws a `key-format` error for a seed of another length.
 */
export function privateKeyFromSeed(seed: Uint8Array, options: PrivateKeyOptions = {}): PrivateKey {
  return new PrivateKey({ kind: 'ed25519', seed: new Uint8Array(seed) }, options);
}

/** What `generatePrivateKey` can be told. */
export interface GenerateOptions extends PrivateKeyOptions {
  /** Size of an ECDSA key; 256 unless said otherwise. */
  readonly bits?: 256 | 384 | 521;
}

/**
 * A new key. For RSA, which takes its time, there is `generateRsaKey`: Ed25519 is better in every way that counts here.
 *
 * @example
 * ```ts
 * const key = generatePrivateKey('ed25519', { comment: 'deploy@example.org' });
 * ```
 */
export function generatePrivateKey(
  type: 'ed25519' | 'ecdsa',
  options: GenerateOptions = {},
): PrivateKey {
  const provider = options.provider ?? defaultProvider;
  if (type === 'ed25519')
    return new PrivateKey({ kind: 'ed25519', seed: provider.randomBytes(32) }, options);
  const curve: CurveName = `nistp${options.bits ?? 256}`;
  return new PrivateKey({ kind: 'ecdsa', curve, scalar: provider.ecdsaGenerate(curve) }, options);
}

/** What `generateRsaKey` can be told. */
export interface GenerateRsaOptions extends PrivateKeyOptions {
  /** Size of the modulus, from 2048 to 16384 and a multiple of 8; 3072 unless said otherwise. */
  readonly bits?: number;
}

/**
 * A new RSA key, for what knows no other. Rejects with `config` for a size that is none, and `unsupported` where there is no Web
 * Crypto.
 *
 * @example
 * ```ts
 * const key = await generateRsaKey({ bits: 4096, comment: 'old router' });
 * ```
 */
export async function generateRsaKey(options: GenerateRsaOptions = {}): Promise<PrivateKey> {
  const { bits = DEFAULT_RSA_BITS } = options;
  if (!(bits >= MINIMUM_RSA_BITS && bits <= MAX_RSA_BITS && bits % 8 === 0)) {
    const text = `an RSA key cannot have ${String(bits)} bits`;
    throw new SshError('config', text, { option: 'bits' });
  }
  return new PrivateKey({ kind: 'rsa', ...(await generateRsa(bits)) }, options);
}

/**
 * A new DSA key of 1024 bits, for what is too old for anything else: weak, and used where `ssh-dss` is named only. Throws `unsupported`
 * where the platform makes none.
 */
export function generateDsaKey(options: PrivateKeyOptions = {}): PrivateKey {
  const { provider = defaultProvider } = options;
  const der = provider.dsaGenerate?.();
  if (der === undefined)
    throw new SshError('unsupported', 'no DSA keys are made here', { feature: 'DSA keys' });
  return new PrivateKey(readPkcs8(der, 'new DSA key'), options);
}

function publicMaterial(material: PrivateKeyMaterial, provider: CryptoProvider): PublicKeyMaterial {
  switch (material.kind) {
    case 'ed25519':
      if (material.seed.length !== 32) throw malformed('Ed25519 seed that is not 32 bytes long');
      return { kind: 'ed25519', publicKey: provider.ed25519PublicKey(material.seed) };
    case 'ecdsa':
      return { kind: 'ecdsa', curve: material.curve, point: pointOf(material, provider) };
    case 'dsa': {
      const { p, q, g, y, x } = material;
      if (!isSafeDsaKey(material) || x <= 0n || x >= q || dsaPublic(material) !== y)
        throw malformed('DSA numbers that do not belong together');
      return { kind: 'dsa', p, q, g, y };
    }
    case 'rsa':
      checkRsa(material);
      return { kind: 'rsa', n: material.n, e: material.e };
  }
}

function pointOf(
  { curve, scalar }: { readonly curve: CurveName; readonly scalar: Uint8Array },
  provider: CryptoProvider,
): Uint8Array {
  if (scalar.length !== CURVE_LENGTHS[curve])
    throw malformed(`ECDSA scalar of the wrong length for ${curve}`);
  try {
    return provider.ecdsaPublicKey(curve, scalar);
  } catch (error) {
    // Providers differ in what they throw for a scalar that is zero or not below the order of the curve.
    throw keyFormatError('malformed', `private key: ECDSA scalar out of range for ${curve}`, error);
  }
}

/**
 * The numbers must belong together: a signature made by the Chinese remainder theorem with a wrong one gives the key away.
 * That p and q are prime is not checked; the provider verifies each signature before it leaves.
 */
function checkRsa({ n, e, d, p, q, iqmp }: RsaPrivateNumbers): void {
  if (p <= 1n || q <= 1n || p * q !== n) throw malformed('RSA primes that do not make the modulus');
  if (d <= 1n || d >= n || (d * e) % (p - 1n) !== 1n || (d * e) % (q - 1n) !== 1n)
    throw malformed('RSA private exponent that does not fit the public one');
  if (iqmp <= 0n || iqmp >= p || (iqmp * q) % p !== 1n)
    throw malformed('RSA coefficient that does not fit the primes');
}

function malformed(problem: string): SshError<'key-format'> {
  return keyFormatError('malformed', `private key: ${problem}`);
}
