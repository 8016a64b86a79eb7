/** New RSA keys, from Web Crypto, which Node and browsers have alike. */
import { SshError } from '../errors.ts';
import { bytesToInteger } from './integers.ts';
import { fromBase64 } from '../wire/bytes.ts';
import type { RsaPrivateNumbers } from './provider.ts';
import { subtleCrypto } from './web-crypto.ts';

const PUBLIC_EXPONENT = Uint8Array.of(1, 0, 1);

/**
 * The numbers of a new key. Rejects with `unsupported` where there is no Web Crypto.
 *
 * @param bits - of the modulus, a multiple of 8
 */
export async function generateRsa(bits: number): Promise<RsaPrivateNumbers> {
  const subtle = subtleCrypto();
  if (subtle === undefined)
    throw new SshError('unsupported', 'RSA keys need Web Crypto', { feature: 'RSA keys' });
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: bits,
    publicExponent: PUBLIC_EXPONENT,
  };
  const pair = await subtle.generateKey(algorithm, true, ['sign', 'verify']);
  // what Node has just made, it may never come back from exporting as JWK (see node-provider-curves.ts); what it has imported, it does
  const pkcs8 = await subtle.exportKey('pkcs8', pair.privateKey);
  const imported = await subtle.importKey('pkcs8', pkcs8, algorithm, true, ['sign']);
  const { n, e, d, p, q, qi } = await subtle.exportKey('jwk', imported);
  return {
    n: numberOf(n),
    e: numberOf(e),
    d: numberOf(d),
    p: numberOf(p),
    q: numberOf(q),
    iqmp: numberOf(qi),
  };
}

/** base64url, without padding. */
function numberOf(text = ''): bigint {
  const base64 = text.replaceAll('-', '+').replaceAll('_', '/');
  const bytes = fromBase64(base64.padEnd(Math.ceil(base64.length / 4) * 4, '='));
  return bytesToInteger(bytes ?? new Uint8Array(0));
}
