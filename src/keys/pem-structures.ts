/** Private keys in DER: PKCS#1 (RFC 8017 §A.1.2), SEC 1 (RFC 5915) and PKCS#8 (RFC 5958). */
import { CURVE_LENGTHS } from '../crypto/checks.ts';
import { DSA_BITS, dsaPublic } from '../crypto/dsa.ts';
import { bytesToInteger } from '../crypto/integers.ts';
import type { CurveName } from '../crypto/provider.ts';
import { MAX_RSA_BITS } from '../crypto/rsa.ts';
import { byIdentifier, DerReader, DerTag, objectIdentifier } from './der.ts';
import { keyFormatError, leftPad } from './key-format.ts';
import type { PrivateKeyMaterial } from './private-key.ts';

const CURVES: readonly (readonly [Uint8Array, CurveName])[] = [
  [objectIdentifier('1.2.840.10045.3.1.7'), 'nistp256'],
  [objectIdentifier('1.3.132.0.34'), 'nistp384'],
  [objectIdentifier('1.3.132.0.35'), 'nistp521'],
];

/** RFC 3279 §2.3, RFC 8410 §3. */
const KEY_TYPES: readonly (readonly [Uint8Array, 'rsa' | 'ec' | 'ed25519' | 'dsa'])[] = [
  [objectIdentifier('1.2.840.113549.1.1.1'), 'rsa'],
  [objectIdentifier('1.2.840.10045.2.1'), 'ec'],
  [objectIdentifier('1.3.101.112'), 'ed25519'],
  [objectIdentifier('1.2.840.10040.4.1'), 'dsa'],
];

const SEED_LENGTH = 32;

/** `RSA PRIVATE KEY`. Throws `key-format`, as the others here. */
export function readPkcs1(bytes: Uint8Array, what: string): PrivateKeyMaterial {
  return whole(bytes, what, (file) => {
    const key = file.sequence();
    // more than two primes have another version, and nobody makes them
    if (key.smallInteger() !== 0) throw key.error('an RSA key of another version');
    const number = (): bigint => {
      const magnitude = key.magnitude();
      if (magnitude.length > MAX_RSA_BITS / 8) throw key.error('an RSA number that is too large');
      return bytesToInteger(magnitude);
    };
    const [n, e, d, p, q] = [number(), number(), number(), number(), number()];
    // d mod (p - 1) and d mod (q - 1) are computed again
    number();
    number();
    const iqmp = number();
    key.end();
    return { kind: 'rsa', n, e, d, p, q, iqmp };
  });
}

/** `DSA PRIVATE KEY`, as OpenSSL has written it before PKCS#8: p, q, g, y and x. */
export function readDsaKey(bytes: Uint8Array, what: string): PrivateKeyMaterial {
  return whole(bytes, what, (file) => {
    const key = file.sequence();
    if (key.smallInteger() !== 0) throw key.error('a DSA key of another version');
    const number = (): bigint => dsaNumber(key);
    const [p, q, g, y, x] = [number(), number(), number(), number(), number()];
    key.end();
    return { kind: 'dsa', p, q, g, y, x };
  });
}

/** `EC PRIVATE KEY`. */
export function readSec1(bytes: Uint8Array, what: string): PrivateKeyMaterial {
  return whole(bytes, what, (file) => sec1Key(file, what));
}

/** `PRIVATE KEY`. */
export function readPkcs8(bytes: Uint8Array, what: string): PrivateKeyMaterial {
  return whole(bytes, what, (file) => {
    const info = file.sequence();
    // version 1 has the public key behind the private one
    if (info.smallInteger() > 1) throw info.error('a PKCS#8 key of another version');
    const algorithm = info.sequence();
    const type = byIdentifier(KEY_TYPES, algorithm.objectIdentifier());
    const key = info.element(DerTag.OCTET_STRING);
    switch (type) {
      case 'rsa':
        return readPkcs1(key, what);
      case 'ec':
        return whole(key, what, (inner) => sec1Key(inner, what, curveOf(algorithm, what)));
      case 'ed25519':
        return readEd25519(key, what);
      case 'dsa': {
        const parameters = algorithm.sequence();
        const number = (): bigint => dsaNumber(parameters);
        const [p, q, g] = [number(), number(), number()];
        const x = whole(key, what, dsaNumber);
        return { kind: 'dsa', p, q, g, x, y: dsaPublic({ p, q, g, x }) };
      }
      default:
        throw unsupported(what, 'keys of this type');
    }
  });
}

function dsaNumber(reader: DerReader): bigint {
  const magnitude = reader.magnitude();
  if (magnitude.length === 0 || magnitude.length > DSA_BITS / 8)
    throw reader.error('a DSA number of a size that cannot be');
  return bytesToInteger(magnitude);
}

function sec1Key(file: DerReader, what: string, named?: CurveName): PrivateKeyMaterial {
  const key = file.sequence();
  if (key.smallInteger() !== 1) throw key.error('an EC key of another version');
  const scalar = key.element(DerTag.OCTET_STRING);
  const parameters = key.optional(0);
  const inner = parameters && curveOf(parameters, what);
  if (named !== undefined && inner !== undefined && inner !== named)
    throw key.error('an EC key that names two curves');
  const curve = named ?? inner;
  if (curve === undefined) throw key.error('an EC key that does not say its curve');
  const length = CURVE_LENGTHS[curve];
  if (scalar.length > length) throw key.error('an EC key that is too long for its curve');
  return { kind: 'ecdsa', curve, scalar: leftPad(scalar, length) };
}

function curveOf(parameters: DerReader, what: string): CurveName {
  // parameters that are written out could be of any curve, a weak one too
  const curve = parameters.isNext(DerTag.OBJECT_IDENTIFIER)
    ? byIdentifier(CURVES, parameters.objectIdentifier())
    : undefined;
  if (curve === undefined) throw unsupported(what, 'EC keys on this curve');
  return curve;
}

/** RFC 8410 §7: the seed is an OCTET STRING within the OCTET STRING. */
function readEd25519(bytes: Uint8Array, what: string): PrivateKeyMaterial {
  return whole(bytes, what, (reader) => {
    const seed = reader.element(DerTag.OCTET_STRING);
    if (seed.length !== SEED_LENGTH) throw reader.error('Ed25519 key of the wrong length');
    return { kind: 'ed25519', seed: seed.slice() };
  });
}

function whole<T>(bytes: Uint8Array, what: string, read: (reader: DerReader) => T): T {
  const reader = new DerReader(bytes, what);
  const value = read(reader);
  reader.end();
  return value;
}

function unsupported(what: string, feature: string): Error {
  return keyFormatError('unsupported', `${what}: ${feature} are not supported`);
}
