/**
 * Streamlined NTRU Prime 761, a key encapsulation that quantum computers are not known to break (Bernstein, Brumley, Chen,
 * Chuengsatiansup, Lange, Marotzke, Peng, Tuveri, van Vredendaal, Yang: NTRU Prime, round 3, 2020). A ciphertext that was changed
 * gives another secret, in the same time, and nobody is told.
 */
import { concatBytes } from '../wire/bytes.ts';
import { checkLength, SNTRUP761_CIPHERTEXT_LENGTH, SNTRUP761_PUBLIC_KEY_LENGTH } from './checks.ts';
import type { CryptoProvider, Encapsulation, KemKeyPair } from './provider.ts';
import {
  decodePublic,
  decodeRounded,
  encodePublic,
  encodeRounded,
  encodeSmall,
  rounded,
} from './sntrup761-encoding.ts';
import { centred, nonzero, type Polynomial, Q } from './sntrup761-plain.ts';
import { multiply, reciprocal } from './sntrup761-polynomials.ts';
import { shortPolynomial, smallPolynomial, WEIGHT } from './sntrup761-sampling.ts';

const HASH_LENGTH = 32;
const SMALL_LENGTH = 191;
/** 1/3 modulo q. */
const THIRD = -1530;

/** First byte of what is hashed: of a session that failed or that did not, of a confirmation, an input, a public key. */
const REJECTED = 0;
const CONFIRMATION = 2;
const INPUT = 3;
const PUBLIC_KEY = 4;

/** A new key pair. */
export function sntrup761(provider: CryptoProvider): KemKeyPair {
  const [g, gInverse] = invertible(() => smallPolynomial(provider), 3);
  const [f, fInverse] = invertible(() => shortPolynomial(provider), Q);
  const h = multiply(fInverse, g, Q).map((x) => centred(x * THIRD, Q));
  const publicKey = encodePublic(h);
  const key = { publicKey, h, digest: prefixed(provider, PUBLIC_KEY, [publicKey]) };
  const substitute = provider.randomBytes(SMALL_LENGTH);
  return {
    publicKey,
    decapsulate(ciphertext) {
      checkLength('sntrup761 ciphertext', ciphertext, SNTRUP761_CIPHERTEXT_LENGTH);
      const r = decrypt(ciphertext.subarray(0, -HASH_LENGTH), f, gInverse);
      const again = hide(provider, key, r);
      const mask = differenceMask(again.ciphertext, ciphertext);
      const input = again.input.map((byte, at) => byte ^ (mask & (byte ^ (substitute[at] ?? 0))));
      return session(provider, REJECTED + 1 + mask, input, ciphertext);
    },
  };
}

/** A secret and its encapsulation for the holder of this key, which may be any 1158 bytes. */
export function sntrup761Encapsulate(
  provider: CryptoProvider,
  publicKey: Uint8Array,
): Encapsulation {
  checkLength('sntrup761 public key', publicKey, SNTRUP761_PUBLIC_KEY_LENGTH);
  const digest = prefixed(provider, PUBLIC_KEY, [publicKey]);
  const key = { h: decodePublic(publicKey), digest };
  const { ciphertext, input } = hide(provider, key, shortPolynomial(provider));
  return { ciphertext, sharedSecret: session(provider, REJECTED + 1, input, ciphertext) };
}

/** A polynomial and its reciprocal modulo m; hardly any that is drawn has none. */
function invertible(draw: () => Polynomial, m: number): readonly [Polynomial, Polynomial] {
  for (;;) {
    const drawn = draw();
    const inverse = reciprocal(drawn, m);
    if (inverse !== undefined) return [drawn, inverse];
  }
}

interface PublicKey {
  readonly h: Polynomial;
  readonly digest: Uint8Array;
}

/** The ciphertext of r, confirmation included, and r as bytes. */
function hide(
  provider: CryptoProvider,
  { h, digest }: PublicKey,
  r: Polynomial,
): { readonly ciphertext: Uint8Array; readonly input: Uint8Array } {
  const input = encodeSmall(r);
  const confirmed = [prefixed(provider, INPUT, [input]), digest];
  const confirmation = prefixed(provider, CONFIRMATION, confirmed);
  const core = encodeRounded(rounded(multiply(h, r, Q)));
  return { ciphertext: concatBytes([core, confirmation]), input };
}

/** The polynomial in a ciphertext; when what comes out has the wrong weight, one that does not fit it. */
function decrypt(core: Uint8Array, f: Polynomial, gInverse: Polynomial): Polynomial {
  const e = multiply(decodeRounded(core), f, Q).map((x) => centred(centred(3 * x, Q), 3));
  const r = multiply(e, gInverse, 3);
  const weight = r.reduce((sum, x) => sum + x * x, 0);
  const isWrong = nonzero(weight - WEIGHT);
  return r.map((x, at) => x + isWrong * ((at < WEIGHT ? 1 : 0) - x));
}

function session(
  provider: CryptoProvider,
  prefix: number,
  input: Uint8Array,
  ciphertext: Uint8Array,
): Uint8Array {
  return prefixed(provider, prefix, [prefixed(provider, INPUT, [input]), ciphertext]);
}

/** The first half of SHA-512 over a byte that tells the use, and the parts. */
function prefixed(
  provider: CryptoProvider,
  prefix: number,
  parts: readonly Uint8Array[],
): Uint8Array {
  return provider.hash('sha512', [Uint8Array.of(prefix), ...parts]).subarray(0, HASH_LENGTH);
}

/** 0 when both are the same, else -1. */
function differenceMask(a: Uint8Array, b: Uint8Array): number {
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return -nonzero(difference);
}
