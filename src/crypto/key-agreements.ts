/**
 * The registry of key agreements of the shape "one public value each way" (RFC 5656 §4): curve25519 (RFC 8731), its hybrids with
 * ML-KEM-768 (draft-ietf-sshm-mlkem-hybrid-kex) and with Streamlined NTRU Prime 761 (RFC 9941), NIST curves, and integers modulo a
 * prime (RFC 4253 §8, RFC 8268). The messages around them are the transport's business.
 */
import { concatBytes } from '../wire/bytes.ts';
import { unsignedToMpint } from '../wire/writer.ts';
import {
  checkLength,
  keyExchangeFailed,
  MLKEM768_CIPHERTEXT_LENGTH,
  MLKEM768_PUBLIC_KEY_LENGTH,
  SNTRUP761_CIPHERTEXT_LENGTH,
  SNTRUP761_PUBLIC_KEY_LENGTH,
  X25519_LENGTH,
} from './checks.ts';
import { modpGroup, type ModpSize } from './modp.ts';
import type {
  CryptoProvider,
  CurveName,
  Encapsulation,
  HashName,
  KemKeyPair,
  KeyAgreement,
  ModpGroup,
} from './provider.ts';
import { sntrup761, sntrup761Encapsulate } from './sntrup761.ts';
import { findRow, type Row } from './standing.ts';

/** The client's side of one agreement. */
export interface InitiatedAgreement {
  /** What the client sends: Q_C, C_INIT, or e as the bytes of its mpint. */
  readonly publicValue: Uint8Array;
  /** The shared secret, raw, from the server's Q_S or S_REPLY; throws a `protocol` error (reason 3) when that is malformed. */
  finish(reply: Uint8Array): Uint8Array;
}

/** The server's side of one agreement. */
export interface AnsweredAgreement {
  /** What the server sends: Q_S, S_REPLY, or f as the bytes of its mpint. */
  readonly publicValue: Uint8Array;
  /** The shared secret, raw: `secretEncoding` says how it is hashed. */
  readonly sharedSecret: Uint8Array;
}

/** A key agreement; nothing is computed before `initiate` or `respond`. */
export interface KeyAgreementRow extends Row {
  /** Hashes the exchange and derives the keys. */
  readonly hash: HashName;
  /** How K enters the exchange hash: as an unsigned number (RFC 8731 §3.1), or as it is. */
  readonly secretEncoding: 'mpint' | 'string';
  /** Is what is recorded today safe from a quantum computer of tomorrow, as far as is known? */
  readonly isPostQuantum: boolean;
  /** Begins as the client, with a fresh key. */
  initiate(provider: CryptoProvider): InitiatedAgreement;
  /** Answers as the server, with a fresh key; throws a `protocol` error (reason 3) when the client's value is malformed. */
  respond(provider: CryptoProvider, initValue: Uint8Array): AnsweredAgreement;
}

/** A key encapsulation that withstands quantum computers, as far as is known. */
interface Kem {
  readonly publicKeyLength: number;
  readonly ciphertextLength: number;
  generate(provider: CryptoProvider): KemKeyPair;
  encapsulate(provider: CryptoProvider, publicKey: Uint8Array): Encapsulation;
}

const MLKEM768: Kem = {
  publicKeyLength: MLKEM768_PUBLIC_KEY_LENGTH,
  ciphertextLength: MLKEM768_CIPHERTEXT_LENGTH,
  generate: (provider) => provider.mlkem768(),
  encapsulate: (provider, publicKey) => provider.mlkem768Encapsulate(publicKey),
};
const SNTRUP761: Kem = {
  publicKeyLength: SNTRUP761_PUBLIC_KEY_LENGTH,
  ciphertextLength: SNTRUP761_CIPHERTEXT_LENGTH,
  generate: sntrup761,
  encapsulate: sntrup761Encapsulate,
};

/** Key agreements on curves, in order of preference: hybrid ones are safe against recording now and decrypting later. */
export const CURVE_AGREEMENTS: readonly KeyAgreementRow[] = [
  hybridRow('mlkem768x25519-sha256', 'sha256', MLKEM768),
  hybridRow('sntrup761x25519-sha512', 'sha512', SNTRUP761),
  hybridRow('sntrup761x25519-sha512@openssh.com', 'sha512', SNTRUP761),
  curve25519Row('curve25519-sha256'),
  curve25519Row('curve25519-sha256@libssh.org'),
  ecdhRow('nistp256', 'sha256'),
  ecdhRow('nistp384', 'sha384'),
  ecdhRow('nistp521', 'sha512'),
];

/** Key agreements modulo a prime of RFC 3526 that are safe, in order of preference. */
export const MODP_AGREEMENTS: readonly KeyAgreementRow[] = [
  modpRow('diffie-hellman-group16-sha512', 4096, 'sha512'),
  modpRow('diffie-hellman-group18-sha512', 8192, 'sha512'),
  modpRow('diffie-hellman-group14-sha256', 2048, 'sha256'),
];

/** What SHA-1 hashes, and a prime that some can break (RFC 9142 §3): by name only. */
export const LEGACY_AGREEMENTS: readonly KeyAgreementRow[] = [
  legacy(modpRow('diffie-hellman-group14-sha1', 2048, 'sha1')),
  legacy(modpRow('diffie-hellman-group1-sha1', 1024, 'sha1')),
];

/** Every key agreement. */
export const KEY_AGREEMENTS: readonly KeyAgreementRow[] = [
  ...CURVE_AGREEMENTS,
  ...MODP_AGREEMENTS,
  ...LEGACY_AGREEMENTS,
];

/** The key agreement of this name; `undefined` when there is none. */
export function keyAgreementByName(name: string): KeyAgreementRow | undefined {
  return findRow(KEY_AGREEMENTS, name);
}

/** RFC 8731; the name at libssh.org is the same method before it had an RFC. */
function curve25519Row(name: string): KeyAgreementRow {
  return agreementRow(name, 'sha256', (provider) => provider.x25519());
}

/** RFC 5656 §4. */
function ecdhRow(curve: CurveName, hash: HashName): KeyAgreementRow {
  return agreementRow(`ecdh-sha2-${curve}`, hash, (provider) => provider.ecdh(curve));
}

/** RFC 4253 §8, RFC 8268 §3. */
function modpRow(name: string, size: ModpSize, hash: HashName): KeyAgreementRow {
  return agreementRow(name, hash, (provider) => modpAgreement(provider, modpGroup(size)));
}

function legacy(row: KeyAgreementRow): KeyAgreementRow {
  return { ...row, standing: 'legacy' };
}

/** Both sides make a key of the same kind, and K is a number. */
function agreementRow(
  name: string,
  hash: HashName,
  newKey: (provider: CryptoProvider) => KeyAgreement,
): KeyAgreementRow {
  return {
    name,
    standing: 'default',
    hash,
    secretEncoding: 'mpint',
    isPostQuantum: false,
    initiate(provider) {
      const key = newKey(provider);
      return { publicValue: key.publicKey, finish: (reply) => key.agree(reply) };
    },
    respond(provider, initValue) {
      const key = newKey(provider);
      return { publicValue: key.publicKey, sharedSecret: key.agree(initValue) };
    },
  };
}

/** A new key modulo a prime whose public values are the bytes of mpints, as the messages carry them. */
export function modpAgreement(provider: CryptoProvider, group: ModpGroup): KeyAgreement {
  const key = provider.modp(group);
  return {
    publicKey: unsignedToMpint(key.publicKey),
    agree(peerPublicValue) {
      if (((peerPublicValue[0] ?? 0) & 0x80) !== 0)
        throw keyExchangeFailed('Diffie-Hellman public value is negative');
      return key.agree(peerPublicValue);
    },
  };
}

/**
 * A key encapsulation and X25519 in one: C_INIT is the encapsulation key and the client's X25519 key, S_REPLY the ciphertext and
 * the server's X25519 key, and K = HASH(K_PQ | K_CL) (draft-ietf-sshm-mlkem-hybrid-kex §2, RFC 9941 §3).
 */
function hybridRow(name: string, hash: HashName, kem: Kem): KeyAgreementRow {
  const { publicKeyLength, ciphertextLength } = kem;
  return {
    name,
    standing: 'default',
    hash,
    secretEncoding: 'string',
    isPostQuantum: true,
    initiate(provider) {
      const pair = kem.generate(provider);
      const ecdh = provider.x25519();
      return {
        publicValue: concatBytes([pair.publicKey, ecdh.publicKey]),
        finish(reply) {
          checkLength('S_REPLY', reply, ciphertextLength + X25519_LENGTH);
          const postQuantum = pair.decapsulate(reply.subarray(0, ciphertextLength));
          const classical = ecdh.agree(reply.subarray(ciphertextLength));
          return provider.hash(hash, [postQuantum, classical]);
        },
      };
    },
    respond(provider, initValue) {
      checkLength('C_INIT', initValue, publicKeyLength + X25519_LENGTH);
      const ecdh = provider.x25519();
      const classical = ecdh.agree(initValue.subarray(publicKeyLength));
      const encapsulationKey = initValue.subarray(0, publicKeyLength);
      const { ciphertext, sharedSecret } = kem.encapsulate(provider, encapsulationKey);
      return {
        publicValue: concatBytes([ciphertext, ecdh.publicKey]),
        sharedSecret: provider.hash(hash, [sharedSecret, classical]),
      };
    },
  };
}
