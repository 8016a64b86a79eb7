/**
 * X25519, Ed25519 and ECDSA on node:crypto. Raw keys go in and out as JWK, because OpenSSL 3 takes ten times as long over DER (5 µs
 * and 70 µs for a public key, 30 µs and 300 µs for a private one).
 */
import {
  createECDH,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type ECDH,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { equalBytes, equalBytesConstantTime, fromHex } from '../wire/bytes.ts';
import {
  brokenPrivateKey,
  checkLength,
  checkSecret,
  checkUncompressedPoint,
  CURVE_LENGTHS,
  isUncompressedPoint,
  lowOrderPoint,
  notOnCurve,
  X25519_LENGTH,
} from './checks.ts';
import { ED25519_KEY_LENGTH, ED25519_SIGNATURE_LENGTH, isSafeEd25519Key } from './ed25519-keys.ts';
import { plainBytes } from './node-provider-symmetric.ts';
import type { CryptoProvider, CurveName, HashName } from './provider.ts';

/** DER in front of the 32 bytes of a raw private key (RFC 8410 §7). */
const PKCS8: Readonly<Record<EdwardsName, Uint8Array>> = {
  X25519: fromHex('302e020100300506032b656e04220420'),
  Ed25519: fromHex('302e020100300506032b657004220420'),
};

type EdwardsName = 'X25519' | 'Ed25519';

interface Curve {
  /** OpenSSL's name. */
  readonly openssl: string;
  /** JWK's name (RFC 7518 §6.2.1.1). */
  readonly jwk: string;
  readonly hash: HashName;
}

const CURVES: Readonly<Record<CurveName, Curve>> = {
  nistp256: { openssl: 'prime256v1', jwk: 'P-256', hash: 'sha256' },
  nistp384: { openssl: 'secp384r1', jwk: 'P-384', hash: 'sha384' },
  nistp521: { openssl: 'secp521r1', jwk: 'P-521', hash: 'sha512' },
};

/** The curves by OpenSSL's names. */
export const NODE_CURVES: readonly string[] = Object.values(CURVES).map((curve) => curve.openssl);

/** Keys made of seeds, for as long as the seeds are alive. */
const signingKeys = new WeakMap<
  Uint8Array,
  { readonly seed: Uint8Array; readonly key: KeyObject }
>();

let doesImportJwk: boolean | undefined;

type X25519 = Pick<CryptoProvider, 'x25519'>;
type Ed25519 = Pick<CryptoProvider, 'ed25519PublicKey' | 'ed25519Sign' | 'ed25519Verify'>;
type Nist = Pick<
  CryptoProvider,
  'ecdh' | 'ecdsaGenerate' | 'ecdsaPublicKey' | 'ecdsaSign' | 'ecdsaVerify'
>;

/** The X25519 row of the Node provider. */
export const nodeX25519: X25519 = {
  x25519(scalar) {
    const { privateKey, publicKey } = scalar === undefined ? generatedX25519() : ofScalar(scalar);
    return {
      publicKey,
      agree(peerPublicKey) {
        checkLength('X25519 public value', peerPublicKey, X25519_LENGTH);
        return checkSecret(sharedSecret(privateKey, peerPublicKey));
      },
    };
  },
};

/** The Ed25519 rows of the Node provider. */
export const nodeEd25519: Ed25519 = {
  ed25519PublicKey(seed) {
    return rawPublicKey(signingKey(seed));
  },

  ed25519Sign(seed, data) {
    return plainBytes(sign(null, data, signingKey(seed)));
  },

  ed25519Verify(publicKey, data, signature) {
    if (signature.length !== ED25519_SIGNATURE_LENGTH || !isSafeEd25519Key(publicKey)) return false;
    try {
      return verify(null, data, importPublic('Ed25519', publicKey), signature);
    } catch {
      // Some versions of OpenSSL decode the point already when the key is made.
      return false;
    }
  },
};

/** The rows of the Node provider on NIST curves: ECDH and ECDSA. */
export const nodeNistCurves: Nist = {
  ecdh(curve, privateKey) {
    const ecdh = privateKey === undefined ? generated(curve) : ecdhOf(curve, privateKey);
    return {
      publicKey: plainBytes(ecdh.getPublicKey()),
      agree(peerPublicKey) {
        // OpenSSL would take a compressed point
        checkUncompressedPoint(curve, peerPublicKey);
        try {
          return plainBytes(ecdh.computeSecret(peerPublicKey));
        } catch (error) {
          throw notOnCurve(curve, error);
        }
      },
    };
  },

  ecdsaGenerate(curve) {
    // Node leaves leading zeros away.
    return leftPad(generated(curve).getPrivateKey(), CURVE_LENGTHS[curve]);
  },

  ecdsaPublicKey(curve, privateKey) {
    return plainBytes(ecdhOf(curve, privateKey).getPublicKey());
  },

  ecdsaSign(curve, privateKey, data) {
    const point = plainBytes(ecdhOf(curve, privateKey).getPublicKey());
    const key = { ...pointJwk(curve, point), d: base64Url(privateKey) };
    const { hash } = CURVES[curve];
    return plainBytes(sign(hash, data, { key, format: 'jwk', dsaEncoding: 'ieee-p1363' }));
  },

  ecdsaVerify(curve, point, data, signature) {
    if (!isUncompressedPoint(curve, point) || signature.length !== 2 * CURVE_LENGTHS[curve]) {
      return false;
    }
    try {
      const key = createPublicKey({ key: pointJwk(curve, point), format: 'jwk' });
      return verify(CURVES[curve].hash, data, { key, dsaEncoding: 'ieee-p1363' }, signature);
    } catch {
      // The point is not on the curve.
      return false;
    }
  },
};

interface X25519Pair {
  readonly privateKey: KeyObject;
  readonly publicKey: Uint8Array;
}

/**
 * The public key is told by what makes the pair. To export it afterwards, as JWK, can stop a process for good: Node holds the pair's
 * lock then, and a collection of garbage in the middle of it waits for that lock, to end what has made the pair.
 */
function generatedX25519(): X25519Pair {
  // bytes, which the overloads of `generateKeyPairSync` do not know
  const pair: { privateKey: KeyObject; publicKey: unknown } = generateKeyPairSync('x25519', {
    publicKeyEncoding: { format: 'der', type: 'spki' },
  });
  const spki = plainBytes(pair.publicKey as Buffer);
  return { privateKey: pair.privateKey, publicKey: spki.slice(-X25519_LENGTH) };
}

function ofScalar(scalar: Uint8Array): X25519Pair {
  const privateKey = importPrivate('X25519', scalar);
  return { privateKey, publicKey: rawPublicKey(privateKey) };
}

function sharedSecret(privateKey: KeyObject, peerPublicKey: Uint8Array): Uint8Array {
  try {
    const publicKey = importPublic('X25519', peerPublicKey);
    return plainBytes(diffieHellman({ privateKey, publicKey }));
  } catch (error) {
    // OpenSSL refuses an all-zero secret by itself.
    throw lowOrderPoint(error);
  }
}

/** The key of a seed, which takes longer to make than a signature; made anew when the seed's bytes have changed. */
function signingKey(seed: Uint8Array): KeyObject {
  const known = signingKeys.get(seed);
  if (known !== undefined && equalBytesConstantTime(known.seed, seed)) return known.key;
  const key = importPrivate('Ed25519', seed);
  signingKeys.set(seed, { seed: seed.slice(), key });
  return key;
}

function importPrivate(name: EdwardsName, raw: Uint8Array): KeyObject {
  if (raw.length !== ED25519_KEY_LENGTH) throw brokenPrivateKey(name);
  return importsJwk() ? fromJwk(name, raw) : fromDer(name, raw);
}

/** JWK has the public key too (RFC 8037 §2); Node does not read it, and makes it anew. */
function fromJwk(name: EdwardsName, raw: Uint8Array): KeyObject {
  const key = { kty: 'OKP', crv: name, x: '', d: base64Url(raw) };
  return createPrivateKey({ key, format: 'jwk' });
}

function fromDer(name: EdwardsName, raw: Uint8Array): KeyObject {
  const key = Buffer.concat([PKCS8[name], raw]);
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
}

/** Does this Node make the public key anew? It is tried once. */
function importsJwk(): boolean {
  doesImportJwk ??= (['X25519', 'Ed25519'] as const).every((name) => {
    const raw = new Uint8Array(ED25519_KEY_LENGTH).fill(1);
    try {
      return equalBytes(rawPublicKey(fromJwk(name, raw)), rawPublicKey(fromDer(name, raw)));
    } catch {
      return false;
    }
  });
  return doesImportJwk;
}

function importPublic(name: EdwardsName, raw: Uint8Array): KeyObject {
  const key = { kty: 'OKP', crv: name, x: base64Url(raw) };
  return createPublicKey({ key, format: 'jwk' });
}

/** Of a key that was imported: see {@link generatedX25519}. */
function rawPublicKey(privateKey: KeyObject): Uint8Array {
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  return new Uint8Array(Buffer.from(x, 'base64url'));
}

function generated(curve: CurveName): ECDH {
  const ecdh = createECDH(CURVES[curve].openssl);
  ecdh.generateKeys();
  return ecdh;
}

function ecdhOf(curve: CurveName, privateKey: Uint8Array): ECDH {
  if (privateKey.length !== CURVE_LENGTHS[curve]) throw brokenPrivateKey(curve);
  const ecdh = createECDH(CURVES[curve].openssl);
  try {
    ecdh.setPrivateKey(privateKey);
  } catch (error) {
    throw brokenPrivateKey(curve, error);
  }
  return ecdh;
}

function pointJwk(curve: CurveName, point: Uint8Array): Record<'kty' | 'crv' | 'x' | 'y', string> {
  const middle = 1 + CURVE_LENGTHS[curve];
  return {
    kty: 'EC',
    crv: CURVES[curve].jwk,
    x: base64Url(point.subarray(1, middle)),
    y: base64Url(point.subarray(middle)),
  };
}

function base64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}

function leftPad(bytes: Uint8Array, length: number): Uint8Array {
  const padded = new Uint8Array(length);
  padded.set(bytes, length - bytes.length);
  return padded;
}
