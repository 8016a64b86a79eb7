/**
 * Signature algorithms as rows, and the signature blobs of RFC 4253 §6.6: RFC 8709 §6 (ssh-ed25519), RFC 5656 §3.1.2
 * (ecdsa-sha2-*), RFC 8332 §3 (rsa-sha2-*), OpenSSH PROTOCOL.u2f (sk-*). What signs with SHA-1 (`ssh-rsa`, `ssh-dss`; RFC 4253 §6.6) is there by
 * name only.
 */
import { defaultProvider } from '#crypto';
import { CURVE_LENGTHS } from '../crypto/checks.ts';
import { dsaVerify } from '../crypto/dsa.ts';
import type { CryptoProvider, CurveName, SignatureHash } from '../crypto/provider.ts';
import type { Row, Standing } from '../crypto/standing.ts';
import { SshError } from '../errors.ts';
import { concatBytes, equalBytes, utf8Bytes } from '../wire/bytes.ts';
import { Reader } from '../wire/reader.ts';
import { unsignedToMpint, Writer } from '../wire/writer.ts';
import { leftPad, readMagnitude } from './key-format.ts';
import { type PublicKey } from './public-key.ts';
import { securityKeyData } from './security-keys.ts';

/** One way to sign. */
export interface SignatureAlgorithm extends Row {
  /** The type of key that signs this way. */
  readonly keyType: string;
  /** What the data is hashed with. */
  readonly hash: SignatureHash;
  /** Turns the provider's signature into what stands in the signature blob. */
  encode(signature: Uint8Array): Uint8Array;
  /**
   * Is this, taken out of the signature blob, the key's signature of the data? May throw for a malformed one.
   *
   * @param rest - what follows in the blob, and has to be read to its end: nothing but for a security key
   */
  verify(
    key: PublicKey,
    data: Uint8Array,
    signature: Uint8Array,
    provider: CryptoProvider,
    rest: Reader,
  ): boolean;
}

/** Every signature algorithm, most preferred first. */
export const SIGNATURE_ALGORITHMS: readonly SignatureAlgorithm[] = [
  ed25519('ssh-ed25519', 'default'),
  ecdsa('ecdsa-sha2-nistp256', 'default', 'nistp256', 'sha256'),
  ecdsa('ecdsa-sha2-nistp384', 'default', 'nistp384', 'sha384'),
  ecdsa('ecdsa-sha2-nistp521', 'default', 'nistp521', 'sha512'),
  rsa('rsa-sha2-512', 'default', 'sha512'),
  rsa('rsa-sha2-256', 'default', 'sha256'),
  skEd25519('sk-ssh-ed25519@openssh.com', 'default'),
  skEcdsa('sk-ecdsa-sha2-nistp256@openssh.com', 'default'),
  rsa('ssh-rsa', 'legacy', 'sha1'),
  dsa('ssh-dss', 'legacy'),
];

/** The algorithms that a key of this type can sign with, most preferred first; none for a type that is not known. */
export function signatureAlgorithmsFor(keyType: string): readonly string[] {
  return SIGNATURE_ALGORITHMS.filter((row) => row.keyType === keyType).map((row) => row.name);
}

/** The row of an algorithm; `undefined` when there is none of this name. */
export function signatureAlgorithm(name: string): SignatureAlgorithm | undefined {
  return SIGNATURE_ALGORITHMS.find((row) => row.name === name);
}

/**
 * Does a signature blob hold the key's signature of the data? Never throws: whatever is malformed, made by another
 * algorithm or too long does not verify.
 *
 * @param algorithm - the algorithm that was agreed on; the one named in the blob must be the same (RFC 8332 §3.2)
 * @param key - must be of the type that the algorithm signs with
 * @param signature - `string format, string blob` (RFC 4253 §6.6), with nothing behind it
 */
export function verifySignature(
  algorithm: string,
  key: PublicKey,
  data: Uint8Array,
  signature: Uint8Array,
  provider: CryptoProvider = defaultProvider,
): boolean {
  const row = signatureAlgorithm(algorithm);
  if (row?.keyType !== key.type) return false;
  try {
    const reader = new Reader(signature, 'signature');
    if (!equalBytes(reader.string(), utf8Bytes(algorithm))) return false;
    const inner = reader.string();
    const isRight = row.verify(key, data, inner, provider, reader);
    reader.end();
    return isRight;
  } catch {
    // Fail closed, whatever a provider thinks of hostile numbers.
    return false;
  }
}

/**
 * The signature blob of RFC 4253 §6.6.
 *
 * Throws an `unsupported` error for an algorithm that has no row.
 *
 * @param algorithm - the algorithm that signed
 * @param signature - as the crypto provider returned it: for ECDSA r and s in fixed length
 */
export function encodeSignature(algorithm: string, signature: Uint8Array): Uint8Array {
  const row = signatureAlgorithm(algorithm);
  if (row === undefined) {
    throw new SshError('unsupported', `no signature algorithm ${algorithm}`, {
      feature: algorithm,
    });
  }
  return new Writer().utf8(algorithm).string(row.encode(signature)).bytes();
}

function ed25519(name: string, standing: Standing): SignatureAlgorithm {
  return {
    name,
    standing,
    keyType: 'ssh-ed25519',
    hash: 'sha512',
    encode: (signature) => signature,
    verify: ({ material }, data, signature, provider) =>
      material.kind === 'ed25519' &&
      isEd25519Signature(material.publicKey, data, signature, provider),
  };
}

function isEd25519Signature(
  publicKey: Uint8Array,
  data: Uint8Array,
  signature: Uint8Array,
  provider: CryptoProvider,
): boolean {
  return signature.length === 64 && provider.ed25519Verify(publicKey, data, signature);
}

function skEd25519(name: string, standing: Standing): SignatureAlgorithm {
  return {
    ...ed25519(name, standing),
    keyType: name,
    verify: ({ material }, data, signature, provider, rest) => {
      if (material.kind !== 'sk-ed25519') return false;
      const signed = securityKeyData(material.application, data, rest, provider);
      return isEd25519Signature(material.publicKey, signed, signature, provider);
    },
  };
}

function ecdsa(
  name: string,
  standing: Standing,
  curve: CurveName,
  hash: SignatureHash,
): SignatureAlgorithm {
  const length = CURVE_LENGTHS[curve];
  return {
    name,
    standing,
    keyType: name,
    hash,
    encode: (signature) =>
      new Writer()
        .string(unsignedToMpint(signature.subarray(0, length)))
        .string(unsignedToMpint(signature.subarray(length)))
        .bytes(),
    verify: ({ material }, data, signature, provider) =>
      material.kind === 'ecdsa' &&
      material.curve === curve &&
      isEcdsaSignature(material, data, signature, provider),
  };
}

function isEcdsaSignature(
  { curve, point }: { readonly curve: CurveName; readonly point: Uint8Array },
  data: Uint8Array,
  signature: Uint8Array,
  provider: CryptoProvider,
): boolean {
  const length = CURVE_LENGTHS[curve];
  const reader = new Reader(signature, 'ECDSA signature');
  const r = leftPad(readMagnitude(reader, length, 'r'), length);
  const s = leftPad(readMagnitude(reader, length, 's'), length);
  reader.end();
  return provider.ecdsaVerify(curve, point, data, concatBytes([r, s]));
}

function skEcdsa(name: string, standing: Standing): SignatureAlgorithm {
  return {
    ...ecdsa(name, standing, 'nistp256', 'sha256'),
    verify: ({ material }, data, signature, provider, rest) => {
      if (material.kind !== 'sk-ecdsa') return false;
      const signed = securityKeyData(material.application, data, rest, provider);
      return isEcdsaSignature(material, signed, signature, provider);
    },
  };
}

function dsa(name: string, standing: Standing): SignatureAlgorithm {
  return {
    name,
    standing,
    keyType: name,
    hash: 'sha1',
    encode: (signature) => signature,
    verify: ({ material }, data, signature, provider) =>
      material.kind === 'dsa' && dsaVerify(material, data, signature, provider),
  };
}

function rsa(name: string, standing: Standing, hash: SignatureHash): SignatureAlgorithm {
  return {
    name,
    standing,
    keyType: 'ssh-rsa',
    hash,
    encode: (signature) => signature,
    verify: ({ material }, data, signature, provider) =>
      material.kind === 'rsa' &&
      signature.length > 0 &&
      provider.rsaVerify(material, hash, data, signature),
  };
}
