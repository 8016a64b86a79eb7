/** Random polynomials of Streamlined NTRU Prime 761, from 32 random bits for each coefficient, in time that tells nothing of them. */
import { readUint32 } from '../wire/bytes.ts';
import type { CryptoProvider } from './provider.ts';
import { P, type Polynomial } from './sntrup761-plain.ts';

/** Coefficients of a short polynomial that are not 0. */
export const WEIGHT = 286;

/** Each coefficient is -1, 0 or 1. */
export function smallPolynomial(provider: CryptoProvider): Polynomial {
  return Float64Array.from(randomWords(provider), (word) => ternary((word & 0x3fffffff) * 3));
}

/** `WEIGHT` coefficients are -1 or 1 and the others 0, in places that follow from sorting random numbers. */
export function shortPolynomial(provider: CryptoProvider): Polynomial {
  const tagged = randomWords(provider).map((word, at) =>
    at < WEIGHT ? word & ~1 : (word & ~3) | 1,
  );
  sortInPlace(tagged);
  return Float64Array.from(tagged, (word) => (word & 3) - 1);
}

/** The two bits above the thirtieth, less one. */
function ternary(scaled: number): number {
  return (scaled >>> 30) - 1;
}

function randomWords(provider: CryptoProvider): Uint32Array {
  const bytes = provider.randomBytes(4 * P);
  return Uint32Array.from({ length: P }, (_, at) => readUint32(bytes, 4 * at));
}

/** Batcher's merge exchange (Knuth, The Art of Computer Programming, 5.2.2, algorithm M): what is compared is known beforehand. */
export function sortInPlace(words: Uint32Array): void {
  const top = 2 ** Math.floor(Math.log2(Math.max(words.length - 1, 1)));
  for (let p = top; p > 0; p >>= 1) {
    exchange(words, p, 0, p);
    for (let q = top; q > p; q >>= 1) exchange(words, p, p, q - p);
  }
}

/** Orders the pairs at this distance whose first place has the bits `r` under `p`. */
function exchange(words: Uint32Array, p: number, r: number, distance: number): void {
  for (let i = 0; i < words.length - distance; i++)
    if ((i & p) === r) order(words, i, i + distance);
}

/** Puts the smaller of two words first, without a branch. */
function order(words: Uint32Array, first: number, second: number): void {
  const [a, b] = [words[first] ?? 0, words[second] ?? 0];
  const isLess = (b ^ ((b ^ a) | ((b - a) ^ a))) >>> 31;
  const change = (a ^ b) & -isLess;
  words[first] = a ^ change;
  words[second] = b ^ change;
}
