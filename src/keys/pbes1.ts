/**
 * The encryptions that PKCS#8 had before PBES2: PBES1 of PKCS#5 (RFC 8018 §6.1), which OpenSSL up to 1.0 chose, and those of PKCS#12
 * (RFC 7292 §C), all with DES in one form or another.
 */
import type { CryptoProvider, HashName } from '../crypto/provider.ts';
import { concatBytes, utf8Text } from '../wire/bytes.ts';
import { byIdentifier, objectIdentifier } from './der.ts';

/** What is derived from a passphrase. */
export interface Pbes1Input {
  readonly passphrase: Uint8Array;
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly provider: CryptoProvider;
}

/** What Triple DES takes; DES is the same with one key three times. */
interface TripleDesKey {
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
}

type Scheme = (input: Pbes1Input) => TripleDesKey;

/** Of DES, and of its blocks. */
const DES = 8;
/** Bytes that SHA-1 takes at a time. */
const SHA1_BLOCK = 64;

const SCHEMES: readonly (readonly [Uint8Array, Scheme])[] = [
  [objectIdentifier('1.2.840.113549.1.5.3'), (input) => pbkdf1('md5', input)],
  [objectIdentifier('1.2.840.113549.1.5.10'), (input) => pbkdf1('sha1', input)],
  [objectIdentifier('1.2.840.113549.1.12.1.3'), (input) => pkcs12(3 * DES, input)],
  [objectIdentifier('1.2.840.113549.1.12.1.4'), (input) => pkcs12(2 * DES, input)],
];

/** The scheme of this object identifier; `undefined` when it is none of these. */
export function pbes1Scheme(identifier: Uint8Array): Scheme | undefined {
  return byIdentifier(SCHEMES, identifier);
}

/** RFC 8018 §5.1. */
function pbkdf1(
  hash: HashName,
  { passphrase, salt, iterations, provider }: Pbes1Input,
): TripleDesKey {
  const derived = hashed(hash, [passphrase, salt], iterations, provider);
  const key = derived.subarray(0, DES);
  return { key: concatBytes([key, key, key]), iv: derived.subarray(DES, 2 * DES) };
}

function pkcs12(length: number, input: Pbes1Input): TripleDesKey {
  const key = pkcs12Bytes(1, length, input);
  return {
    // of two keys the first is the third, too
    key: length === 3 * DES ? key : concatBytes([key, key.subarray(0, DES)]),
    iv: pkcs12Bytes(2, DES, input),
  };
}

/**
 * RFC 7292 §B.2, with SHA-1.
 *
 * @param purpose - 1 for a key, 2 for an initial vector
 */
function pkcs12Bytes(
  purpose: number,
  length: number,
  { passphrase, salt, iterations, provider }: Pbes1Input,
): Uint8Array {
  const diversifier = new Uint8Array(SHA1_BLOCK).fill(purpose);
  const blocks = concatBytes([filled(salt), filled(utf16(`${utf8Text(passphrase)}\0`))]);
  const parts: Uint8Array[] = [];
  for (let made = 0; made < length; made += parts.at(-1)?.length ?? length) {
    const part = hashed('sha1', [diversifier, blocks], iterations, provider);
    parts.push(part);
    const addend = repeated(part, SHA1_BLOCK);
    for (let at = 0; at < blocks.length; at += SHA1_BLOCK)
      addWithOne(blocks.subarray(at, at + SHA1_BLOCK), addend);
  }
  return concatBytes(parts).slice(0, length);
}

function hashed(
  hash: HashName,
  parts: readonly Uint8Array[],
  iterations: number,
  provider: CryptoProvider,
): Uint8Array {
  let last = new Uint8Array(provider.hash(hash, parts));
  for (let round = 1; round < iterations; round++)
    last = new Uint8Array(provider.hash(hash, [last]));
  return last;
}

/** Again and again, until the last block is full. */
function filled(bytes: Uint8Array): Uint8Array {
  return repeated(bytes, Math.ceil(bytes.length / SHA1_BLOCK) * SHA1_BLOCK);
}

function repeated(bytes: Uint8Array, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => bytes[at % bytes.length] ?? 0);
}

/** The sum of two big-endian numbers of the same length, and 1, is left in the first one; what it has more is lost. */
function addWithOne(number: Uint8Array, addend: Uint8Array): void {
  let carry = 1;
  for (let at = number.length - 1; at >= 0; at--) {
    const sum = (number[at] ?? 0) + (addend[at] ?? 0) + carry;
    number[at] = sum & 0xff;
    carry = sum >> 8;
  }
}

/** Big-endian. */
function utf16(text: string): Uint8Array {
  return Uint8Array.from(
    Array.from({ length: text.length }, (_, at) => text.charCodeAt(at)).flatMap((unit) => [
      unit >> 8,
      unit & 0xff,
    ]),
  );
}
