/** RSASSA-PKCS1-v1_5 (RFC 8017 §8.2) on node:crypto. */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { plainBytes } from './node-provider-symmetric.ts';
import type { CryptoProvider, RsaPrivateNumbers, RsaPublicNumbers } from './provider.ts';
import { brokenRsaKey, isSafeRsaKey, paddedSignature, rsaPrivateJwk, rsaPublicJwk } from './rsa.ts';

type Rsa = Pick<CryptoProvider, 'rsaSign' | 'rsaVerify'>;

/** OpenSSL's form of a key, for as long as its numbers are alive: making it costs more than a verification. */
const publicKeys = new WeakMap<RsaPublicNumbers, KeyObject>();
const privateKeys = new WeakMap<RsaPrivateNumbers, KeyObject>();

/** The RSA rows of the Node provider. */
export const nodeRsa: Rsa = {
  rsaSign(key, hash, data) {
    const signature = plainBytes(sign(hash, data, privateKeyOf(key)));
    // A fault while signing with the CRT gives the private key away (RFC 8017 §B, Lenstra 1996).
    if (!nodeRsa.rsaVerify(key, hash, data, signature)) throw brokenRsaKey();
    return signature;
  },

  rsaVerify(key, hash, data, signature) {
    if (!isSafeRsaKey(key)) return false;
    const padded = paddedSignature(key, signature);
    return padded !== undefined && verify(hash, data, publicKeyOf(key), padded);
  },
};

function publicKeyOf(numbers: RsaPublicNumbers): KeyObject {
  const known = publicKeys.get(numbers);
  if (known !== undefined) return known;
  const made = createPublicKey({ key: rsaPublicJwk(numbers), format: 'jwk' });
  publicKeys.set(numbers, made);
  return made;
}

function privateKeyOf(numbers: RsaPrivateNumbers): KeyObject {
  const known = privateKeys.get(numbers);
  if (known !== undefined) return known;
  const made = importPrivateKey(numbers);
  privateKeys.set(numbers, made);
  return made;
}

function importPrivateKey(numbers: RsaPrivateNumbers): KeyObject {
  try {
    return createPrivateKey({ key: rsaPrivateJwk(numbers), format: 'jwk' });
  } catch (error) {
    throw brokenRsaKey(error);
  }
}
