/**
 * How Streamlined NTRU Prime 761 writes polynomials as bytes: numbers below m are joined by pairs to numbers below m² and so on,
 * and whole bytes are put out on the way, so that nothing is wasted. Bounds are public; only what is decoded from a peer is divided.
 */
import { concatBytes } from '../wire/bytes.ts';
import { centred, P, type Polynomial, Q } from './sntrup761-plain.ts';

/** Bytes leave a number as long as its bound is not below this. */
const LIMIT = 16_384;
const HALF_Q = (Q - 1) / 2;
/** Bounds of the coefficients of a public key, and of a ciphertext, where they are multiples of three. */
const PUBLIC_BOUNDS = new Array<number>(P).fill(Q);
const ROUNDED_BOUNDS = new Array<number>(P).fill((Q + 2) / 3);

/** 1158 bytes: coefficients modulo 4591. */
export function encodePublic(polynomial: Polynomial): Uint8Array {
  return encode(
    Array.from(polynomial, (x) => x + HALF_Q),
    PUBLIC_BOUNDS,
  );
}

/** The inverse of `encodePublic`: any bytes of the right length are a polynomial. */
export function decodePublic(bytes: Uint8Array): Polynomial {
  return Float64Array.from(decode(bytes, PUBLIC_BOUNDS), (x) => x - HALF_Q);
}

/** Each coefficient rounded to a multiple of three. */
export function rounded(polynomial: Polynomial): Polynomial {
  return polynomial.map((x) => x - centred(x, 3));
}

/** 1007 bytes: coefficients that are multiples of three. */
export function encodeRounded(polynomial: Polynomial): Uint8Array {
  // x / 3, by a multiplication that is exact in this range
  return encode(
    Array.from(polynomial, (x) => ((x + HALF_Q) * 10_923) >> 15),
    ROUNDED_BOUNDS,
  );
}

/** The inverse of `encodeRounded`. */
export function decodeRounded(bytes: Uint8Array): Polynomial {
  return Float64Array.from(decode(bytes, ROUNDED_BOUNDS), (x) => x * 3 - HALF_Q);
}

/** 191 bytes: four coefficients of -1, 0 and 1 in each. */
export function encodeSmall(polynomial: Polynomial): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(P / 4));
  for (let i = 0; i < P; i++)
    bytes[i >> 2] = (bytes[i >> 2] ?? 0) | (((polynomial[i] ?? 0) + 1) << (2 * (i & 3)));
  return bytes;
}

function encode(numbers: readonly number[], bounds: readonly number[]): Uint8Array {
  const bytes: number[] = [];
  const [pairs, pairBounds]: [number[], number[]] = [[], []];
  const isLast = bounds.length === 1;
  for (let i = 0; i < bounds.length; i += 2) {
    const isPair = i + 1 < bounds.length;
    let number = isPair
      ? (numbers[i] ?? 0) + (numbers[i + 1] ?? 0) * (bounds[i] ?? 0)
      : (numbers[i] ?? 0);
    let bound = isPair ? (bounds[i] ?? 0) * (bounds[i + 1] ?? 0) : (bounds[i] ?? 0);
    while (isLast ? bound > 1 : isPair && bound >= LIMIT) {
      bytes.push(number & 0xff);
      number >>>= 8;
      bound = (bound + 0xff) >>> 8;
    }
    pairs.push(number);
    pairBounds.push(bound);
  }
  const head = Uint8Array.from(bytes);
  return isLast ? head : concatBytes([head, encode(pairs, pairBounds)]);
}

function decode(bytes: Uint8Array, bounds: readonly number[]): readonly number[] {
  if (bounds.length === 1)
    return [lowBytes(bytes, 0, byteLength(bounds[0] ?? 0)) % (bounds[0] ?? 0)];
  const lows: (readonly [low: number, scale: number])[] = [];
  const pairBounds: number[] = [];
  let at = 0;
  for (let i = 0; i < bounds.length; i += 2) {
    let bound = (bounds[i] ?? 0) * (bounds[i + 1] ?? 1);
    let length = 0;
    for (; i + 1 < bounds.length && bound >= LIMIT; length++) bound = (bound + 0xff) >>> 8;
    lows.push([lowBytes(bytes, at, length), 256 ** length]);
    pairBounds.push(bound);
    at += length;
  }
  const highs = decode(bytes.subarray(at), pairBounds);
  return lows.flatMap(([low, scale], pair) => {
    const joined = low + scale * (highs[pair] ?? 0);
    const [first, second] = [bounds[2 * pair] ?? 0, bounds[2 * pair + 1]];
    if (second === undefined) return [joined];
    return [joined % first, Math.floor(joined / first) % second];
  });
}

/** Bytes that a number below this bound takes. */
function byteLength(bound: number): number {
  let length = 0;
  for (let rest = bound; rest > 1; rest = (rest + 0xff) >>> 8) length++;
  return length;
}

/** A little-endian number. */
function lowBytes(bytes: Uint8Array, at: number, length: number): number {
  let number = 0;
  for (let i = length - 1; i >= 0; i--) number = number * 256 + (bytes[at + i] ?? 0);
  return number;
}
