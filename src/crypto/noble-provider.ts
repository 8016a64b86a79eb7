/**
 * The portable provider: @noble for everything but the random source and RSA signing, which come from the platform's Web
 * Crypto. It is the reference that the Node provider is compared with, and what browsers use.
 */
import { SshError } from '../errors.ts';
import { portableModp } from './modp.ts';
import { nobleCurves } from './noble-curves.ts';
import { nobleSymmetric } from './noble-symmetric.ts';
import type { CryptoProvider, RsaPrivateNumbers, SignatureHash } from './provider.ts';
import { brokenRsaKey, rsaPrivateJwk, verifyDigest } from './rsa.ts';
import { subtleCrypto, WEB_HASHES } from './web-crypto.ts';

/** Most bytes that one call of getRandomValues gives (Web Crypto §10.1.1). */
const RANDOM_LIMIT = 65_536;
const RSA = 'RSASSA-PKCS1-v1_5';

/** Every primitive in portable JavaScript. */
export const nobleProvider: CryptoProvider = {
  name: 'noble',
  ...nobleSymmetric,
  ...nobleCurves,

  ...portableModp(randomBytes),
  randomBytes,

  async rsaSign(key, hash, data) {
    const signature = await webSign(key, hash, data);
    // A fault while signing with the CRT gives the private key away (RFC 8017 §B, Lenstra 1996).
    if (!nobleProvider.rsaVerify(key, hash, data, signature)) throw brokenRsaKey();
    return signature;
  },

  rsaVerify(key, hash, data, signature) {
    return verifyDigest(key, hash, nobleSymmetric.hash(hash, [data]), signature);
  },
};

function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += RANDOM_LIMIT) {
    globalThis.crypto.getRandomValues(bytes.subarray(at, at + RANDOM_LIMIT));
  }
  return bytes;
}

async function webSign(
  key: RsaPrivateNumbers,
  hash: SignatureHash,
  data: Uint8Array,
): Promise<Uint8Array> {
  const jwk = rsaPrivateJwk(key);
  const subtle = subtleCrypto();
  if (subtle === undefined) {
    throw new SshError('unsupported', 'RSA signatures need Web Crypto', { feature: 'RSA signing' });
  }
  try {
    const algorithm = { name: RSA, hash: WEB_HASHES[hash] };
    const imported = await subtle.importKey('jwk', jwk, algorithm, false, ['sign']);
    return new Uint8Array(await subtle.sign(RSA, imported, new Uint8Array(data)));
  } catch (error) {
    throw brokenRsaKey(error);
  }
}
