/**
 * The two ways in which keys in PEM are encrypted: PBES2 of PKCS#5 (RFC 8018 §6.2), or what was there before it (pbes1.ts), within PKCS#8;
 * and the older one of OpenSSL, whose headers name a cipher (RFC 1421 §4.6.1.3) and whose key is an MD5 of the passphrase.
 */
import {
  MAX_PBKDF2_ITERATIONS,
  MAX_SCRYPT_BYTES,
  pbkdf2,
  scrypt,
} from '../crypto/passphrase-keys.ts';
import type { CryptoProvider, SignatureHash } from '../crypto/provider.ts';
import { escapeText } from '../errors.ts';
import { concatBytes, equalBytes, fromHex } from '../wire/bytes.ts';
import { byIdentifier, DerReader, DerTag, objectIdentifier } from './der.ts';
import { keyFormatError } from './key-format.ts';
import { pbes1Scheme } from './pbes1.ts';

/** What opens a key. */
export interface PemSecret {
  /** How messages call the file. */
  readonly what: string;
  readonly passphrase: Uint8Array;
  readonly provider: CryptoProvider;
}

interface BlockCipher {
  readonly keyLength: number;
  readonly blockSize: number;
  decrypt(
    provider: CryptoProvider,
    key: Uint8Array,
    iv: Uint8Array,
  ): (data: Uint8Array) => Uint8Array;
}

const AES: Pick<BlockCipher, 'blockSize' | 'decrypt'> = {
  blockSize: 16,
  decrypt: (provider, key, iv) => provider.aesCbc(key, iv, 'decrypt'),
};

/** Triple DES, which OpenSSL up to 1.0 and ssh-keygen up to 5.3 chose. */
const TRIPLE_DES: BlockCipher = {
  keyLength: 24,
  blockSize: 8,
  decrypt: (provider, key, iv) => provider.tripleDesCbc(key, iv, 'decrypt'),
};

const LEGACY_CIPHERS: ReadonlyMap<string, BlockCipher> = new Map([
  ['AES-128-CBC', { ...AES, keyLength: 16 }],
  ['AES-192-CBC', { ...AES, keyLength: 24 }],
  ['AES-256-CBC', { ...AES, keyLength: 32 }],
  ['DES-EDE3-CBC', TRIPLE_DES],
]);

const CIPHERS: readonly (readonly [Uint8Array, BlockCipher])[] = [
  [objectIdentifier('2.16.840.1.101.3.4.1.2'), { ...AES, keyLength: 16 }],
  [objectIdentifier('2.16.840.1.101.3.4.1.22'), { ...AES, keyLength: 24 }],
  [objectIdentifier('2.16.840.1.101.3.4.1.42'), { ...AES, keyLength: 32 }],
  [objectIdentifier('1.2.840.113549.3.7'), TRIPLE_DES],
];

const PBES2 = objectIdentifier('1.2.840.113549.1.5.13');
const KDFS: readonly (readonly [Uint8Array, 'pbkdf2' | 'scrypt'])[] = [
  [objectIdentifier('1.2.840.113549.1.5.12'), 'pbkdf2'],
  [objectIdentifier('1.3.6.1.4.1.11591.4.11'), 'scrypt'],
];
const PRFS: readonly (readonly [Uint8Array, SignatureHash])[] = [
  [objectIdentifier('1.2.840.113549.2.7'), 'sha1'],
  [objectIdentifier('1.2.840.113549.2.9'), 'sha256'],
  [objectIdentifier('1.2.840.113549.2.10'), 'sha384'],
  [objectIdentifier('1.2.840.113549.2.11'), 'sha512'],
];

/** OpenSSL has 2048; they are worked through at once. */
const MAX_PBES1_ITERATIONS = 1 << 16;

/** Bytes of the IV that are the salt of the key. */
const LEGACY_SALT = 8;

/**
 * Opens what the headers of a block say is encrypted. Throws `key-format`: `wrong-passphrase`, `malformed`, or `unsupported` for a
 * cipher that is not known.
 *
 * @param info - the header DEK-Info: `AES-128-CBC,0123…`
 */
export function openLegacyPem(sealed: Uint8Array, info: string, secret: PemSecret): Uint8Array {
  const [, name = '', hex = ''] = /^([A-Z0-9-]+),([0-9A-Fa-f]+)$/.exec(info) ?? [];
  const cipher = LEGACY_CIPHERS.get(name);
  if (cipher === undefined)
    throw unsupported(secret, `the cipher ${escapeText(name === '' ? info : name, 64)}`);
  if (hex.length !== cipher.blockSize * 2)
    throw keyFormatError('malformed', `${secret.what}: DEK-Info without an IV`);
  const iv = fromHex(hex);
  const key = legacyKey(secret, iv.subarray(0, LEGACY_SALT), cipher.keyLength);
  return openCbc(sealed, cipher, key, iv, secret);
}

/** Opens `ENCRYPTED PRIVATE KEY` (RFC 5958 §3): what comes out is PKCS#8. Errors like {@link openLegacyPem}. */
export async function openPkcs8(bytes: Uint8Array, secret: PemSecret): Promise<Uint8Array> {
  const file = new DerReader(bytes, secret.what);
  const info = file.sequence();
  file.end();
  const scheme = info.sequence();
  const identifier = scheme.objectIdentifier();
  const sealed = info.element(DerTag.OCTET_STRING);
  const parameters = scheme.sequence();
  if (equalBytes(identifier, PBES2)) return openPbes2(sealed, parameters, secret);
  const derive = pbes1Scheme(identifier);
  if (derive === undefined) throw unsupported(secret, 'neither PBES2 nor DES');
  const salt = parameters.element(DerTag.OCTET_STRING);
  const iterations = parameters.smallInteger();
  if (salt.length === 0 || iterations === 0) throw parameters.error('no salt or no iterations');
  if (iterations > MAX_PBES1_ITERATIONS)
    throw unsupported(secret, `${String(iterations)} iterations`);
  const { key, iv } = derive({ ...secret, salt, iterations });
  return openCbc(sealed, TRIPLE_DES, key, iv, secret);
}

async function openPbes2(
  sealed: Uint8Array,
  parameters: DerReader,
  secret: PemSecret,
): Promise<Uint8Array> {
  const kdf = parameters.sequence();
  const encryption = parameters.sequence();
  const cipher = byIdentifier(CIPHERS, encryption.objectIdentifier());
  if (cipher === undefined) throw unsupported(secret, 'this cipher');
  const iv = encryption.element(DerTag.OCTET_STRING);
  if (iv.length !== cipher.blockSize) throw encryption.error('an IV of the wrong length');
  const key = await derivedKey(kdf, cipher.keyLength, secret);
  return openCbc(sealed, cipher, key, iv, secret);
}

function derivedKey(kdf: DerReader, length: number, secret: PemSecret): Promise<Uint8Array> {
  const name = byIdentifier(KDFS, kdf.objectIdentifier());
  if (name === undefined) throw unsupported(secret, 'this key derivation');
  const parameters = kdf.sequence();
  const { passphrase } = secret;
  const salt = parameters.element(DerTag.OCTET_STRING);
  if (name === 'scrypt') {
    const [cost, blockSize, parallelization] = [
      parameters.smallInteger(),
      parameters.smallInteger(),
      parameters.smallInteger(),
    ];
    const isPowerOfTwo = cost > 1 && Number.isInteger(Math.log2(cost));
    if (!isPowerOfTwo || blockSize === 0 || parallelization === 0)
      throw parameters.error('scrypt with parameters that cannot be');
    // they are work and memory: the file of a stranger must not keep us busy
    if (128 * cost * blockSize * parallelization > MAX_SCRYPT_BYTES)
      throw unsupported(secret, 'scrypt of such a cost');
    return scrypt({ passphrase, salt, cost, blockSize, parallelization, length });
  }
  const iterations = parameters.smallInteger();
  if (iterations === 0) throw parameters.error('PBKDF2 without iterations');
  if (iterations > MAX_PBKDF2_ITERATIONS)
    throw unsupported(secret, `PBKDF2 of ${String(iterations)} iterations`);
  return pbkdf2({ hash: prfOf(parameters, secret), passphrase, salt, iterations, length });
}

/** RFC 8018 §A.2: HMAC with SHA-1 where none is named; the length of the key may stand before it. */
function prfOf(parameters: DerReader, secret: PemSecret): SignatureHash {
  if (parameters.isNext(DerTag.INTEGER)) parameters.smallInteger();
  if (parameters.isAtEnd) return 'sha1';
  const hash = byIdentifier(PRFS, parameters.sequence().objectIdentifier());
  if (hash === undefined) throw unsupported(secret, 'PBKDF2 with this hash');
  return hash;
}

/** MD5 over the one before it, the passphrase and the salt, until there is enough. */
function legacyKey(
  { passphrase, provider }: PemSecret,
  salt: Uint8Array,
  length: number,
): Uint8Array {
  let last = new Uint8Array(0);
  const parts: Uint8Array[] = [];
  for (let made = 0; made < length; made += last.length) {
    last = new Uint8Array(provider.hash('md5', [last, passphrase, salt]));
    parts.push(last);
  }
  return concatBytes(parts).slice(0, length);
}

/** Nothing but the padding tells whether the passphrase was right. */
function openCbc(
  sealed: Uint8Array,
  cipher: BlockCipher,
  key: Uint8Array,
  iv: Uint8Array,
  { what, provider }: PemSecret,
): Uint8Array {
  if (sealed.length === 0 || sealed.length % cipher.blockSize !== 0)
    throw keyFormatError('malformed', `${what}: encrypted part of ${String(sealed.length)} bytes`);
  const padded = cipher.decrypt(provider, key, iv)(sealed);
  key.fill(0);
  const padding = padded.at(-1) ?? 0;
  const isPadding = padding >= 1 && padding <= cipher.blockSize;
  if (!isPadding || !padded.subarray(-padding).every((byte) => byte === padding))
    throw keyFormatError('wrong-passphrase', `${what}: wrong passphrase`);
  return padded.subarray(0, -padding);
}

function unsupported({ what }: PemSecret, feature: string): Error {
  return keyFormatError(
    'unsupported',
    `${what}: encrypted with ${feature}, which is not supported`,
  );
}
