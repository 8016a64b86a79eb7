/** Diffie-Hellman modulo a prime (RFC 4253 §8): the groups of RFC 3526, which public values are taken, and the portable row. */
import { keyExchangeFailed } from './checks.ts';
import { bitLength, byteLength, bytesToInteger, integerToBytes, power } from './integers.ts';
import type { CryptoProvider, ModpGroup } from './provider.ts';

/** Sizes in bits of the groups of RFC 2409 (the second) and RFC 3526, and the number that makes each one's prime safe. */
const FACTORS = {
  1024: 129_093n,
  2048: 124_476n,
  3072: 1_690_314n,
  4096: 240_904n,
  6144: 929_484n,
  8192: 4_743_158n,
} as const;

/** Sizes of the groups in bits, from the smallest. */
export type ModpSize = keyof typeof FACTORS;

/** Bytes of a private exponent: twice the strength of the strongest cipher (RFC 4419 §6.2). */
export const MODP_EXPONENT_LENGTH = 64;
/** A public value with fewer bits than these is a power of two or near to one: nobody comes to that by chance. */
const MIN_BITS_SET = 4;

const groups = new Map<number, ModpGroup>();

/** The groups of RFC 3526 that are safe today: 14 to 18. */
export const MODP_SIZES: readonly ModpSize[] = [2048, 3072, 4096, 6144, 8192];

/** A group of RFC 2409 or RFC 3526: p = 2^n - 2^(n-64) - 1 + 2^64 * (floor(2^(n-130) * pi) + factor), and the generator 2. */
export function modpGroup(size: ModpSize): ModpGroup {
  const known = groups.get(size);
  if (known !== undefined) return known;
  const n = BigInt(size);
  const middle = scaledPi(n - 130n) + FACTORS[size];
  const group = { p: (1n << n) - (1n << (n - 64n)) - 1n + (middle << 64n), g: 2n };
  groups.set(size, group);
  return group;
}

/** Is it one of RFC 3526, under whatever name it came? */
export function isKnownModpGroup({ p, g }: ModpGroup): boolean {
  const size = MODP_SIZES.find((each) => each === bitLength(p));
  return size !== undefined && g === 2n && modpGroup(size).p === p;
}

/**
 * Throws a `protocol` error (reason 3) unless 1 < value < p - 1 (RFC 4253 §8), and unless it is more than a power of two.
 */
export function checkPublicValue({ p }: ModpGroup, value: bigint): bigint {
  let rest = value;
  let bitsSet = 0;
  for (; rest > 0n && bitsSet < MIN_BITS_SET; bitsSet++) rest &= rest - 1n;
  if (value <= 1n || value >= p - 1n || bitsSet < MIN_BITS_SET)
    throw keyExchangeFailed('Diffie-Hellman public value is out of range');
  return value;
}

/** The row in plain JavaScript. */
export const portableModp = (
  randomBytes: CryptoProvider['randomBytes'],
): Pick<CryptoProvider, 'modp'> => ({
  modp(group, exponent = randomBytes(MODP_EXPONENT_LENGTH)) {
    const { p, g } = group;
    const x = bytesToInteger(exponent);
    const length = byteLength(p);
    return {
      publicKey: integerToBytes(power(g, x, p), length),
      agree(peerPublicKey) {
        const y = checkPublicValue(group, bytesToInteger(peerPublicKey));
        return integerToBytes(power(y, x, p), length);
      },
    };
  },
});

/** floor(2^bits * pi), by Machin's formula. */
export function scaledPi(bits: bigint): bigint {
  const guard = 64n;
  const one = 1n << (bits + guard);
  return (4n * (4n * arctangent(5n, one) - arctangent(239n, one))) >> guard;
}

/** one * arctan(1 / x), by Gregory's series. */
function arctangent(x: bigint, one: bigint): bigint {
  let term = one / x;
  let sum = term;
  for (let n = 3n; term !== 0n; n += 2n) {
    term /= -(x * x);
    sum += term / n;
  }
  return sum;
}
