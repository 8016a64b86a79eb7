/**
 * Arithmetic of Streamlined NTRU Prime 761: polynomials modulo x^761 - x - 1 whose coefficients are integers modulo 4591 or 3,
 * kept between -m/2 and m/2.
 */
import { centred, P, plainLoops, type Polynomial, type Sntrup761Loops } from './sntrup761-plain.ts';
import { wasmSntrup761 } from './wasm-sntrup761.ts';

/** Division steps after which the greatest common divisor is certain (Bernstein and Yang 2019, theorem 6.2). */
export const DIVISION_STEPS = 2 * P - 1;

let fastest: Sntrup761Loops | undefined;

/** The module is made when it is needed: many a connection agrees on something else. */
function loops(): Sntrup761Loops {
  return (fastest ??= wasmSntrup761() ?? plainLoops);
}

/** The product, with coefficients modulo m; those of one factor at least must be small, the others below 2^13. */
export function multiply(a: Polynomial, b: Polynomial, m: number): Polynomial {
  const product = loops().convolve(a, b);
  // x^p = x + 1
  for (let i = 2 * P - 2; i >= P; i--) {
    product[i - P] = (product[i - P] ?? 0) + (product[i] ?? 0);
    product[i - P + 1] = (product[i - P + 1] ?? 0) + (product[i] ?? 0);
  }
  return product.subarray(0, P).map((x) => centred(x, m));
}

/** 1/a with coefficients modulo a prime m, or `undefined` when there is none: whether there is one is not kept secret. */
export function reciprocal(a: Polynomial, m: number): Polynomial | undefined {
  const { delta, f0, v } = loops().divisionSteps(a, m, DIVISION_STEPS);
  if (delta !== 0) return undefined;
  const scale = power(f0, m - 2, m);
  return v.map((x) => centred(scale * x, m)).reverse();
}

/** Square and multiply; the exponent is public. */
function power(base: number, exponent: number, m: number): number {
  if (exponent === 0) return 1;
  const root = power(centred(base * base, m), exponent >> 1, m);
  return exponent % 2 === 0 ? root : centred(root * base, m);
}
