/**
 * Arithmetic of Streamlined NTRU Prime 761: polynomials modulo x^761 - x - 1 whose coefficients are integers modulo 4591 or 3,
 * kept between -m/2 and m/2. Doubles are exact here, since no sum comes near 2^53, and nothing branches on a coefficient or takes
 * one as an index: what is secret does not show in the time.
 */

/** Degree of the modulus; a polynomial has as many coefficients. */
export const P = 761;
/** Modulus of public coefficients. */
export const Q = 4591;
/** Coefficients, constant term first. */
export type Polynomial = Float64Array;

/** Adding this and taking it away again rounds to the nearest integer. */
const ROUNDING = 1.5 * 2 ** 52;
/** Division steps after which the greatest common divisor is certain (Bernstein and Yang 2019, theorem 6.2). */
const DIVISION_STEPS = 2 * P - 1;

/** The representative of x modulo an odd m that lies nearest to 0. */
export function centred(x: number, m: number, inverse = 1 / m): number {
  return x - m * (x * inverse + ROUNDING - ROUNDING);
}

/** The product, with coefficients modulo m; those of one factor at least must be small, the others below 2^13. */
export function multiply(a: Polynomial, b: Polynomial, m: number): Polynomial {
  const product = new Float64Array(2 * P);
  for (let i = 0; i < P; i++) {
    const factor = a[i] ?? 0;
    for (let j = 0; j < P; j++) product[i + j] = (product[i + j] ?? 0) + factor * (b[j] ?? 0);
  }
  // x^p = x + 1
  for (let i = 2 * P - 2; i >= P; i--) {
    product[i - P] = (product[i - P] ?? 0) + (product[i] ?? 0);
    product[i - P + 1] = (product[i - P + 1] ?? 0) + (product[i] ?? 0);
  }
  return product.subarray(0, P).map((x) => centred(x, m));
}

/** 1/a with coefficients modulo a prime m, or `undefined` when there is none: whether there is one is not kept secret. */
export function reciprocal(a: Polynomial, m: number): Polynomial | undefined {
  // reversed: the division steps look at the constant term
  const f = new Float64Array(P + 2);
  const g = new Float64Array(P + 2);
  f[0] = 1;
  f[P - 1] = f[P] = -1;
  g.set(a.slice().reverse());
  // v/f and r/g stay the same modulo the polynomial that f was, but for powers of x
  const v = new Float64Array(P + 1);
  const r = new Float64Array(P + 1);
  r[0] = 1;
  let delta = 1;
  for (let step = 0; step < DIVISION_STEPS; step++) {
    const swap = (-delta >>> 31) & nonzero(g[0] ?? 0);
    const sign = 1 - 2 * swap;
    delta = 1 + sign * delta;
    const byG = sign * f[0];
    const byF = sign * (g[0] ?? 0);
    // what no later step looks at is left as it is
    divide(f, g, byG, byF, swap, m, Math.min(P, DIVISION_STEPS - 1 - step));
    combine(v, r, byG, byF, swap, m, Math.min(P, step));
  }
  if (delta !== 0) return undefined;
  const scale = power(f[0], m - 2, m);
  return v
    .subarray(0, P)
    .map((x) => centred(scale * x, m))
    .reverse();
}

/** g becomes (byG·g - byF·f)/x, f what g was if they swap, up to the coefficient `last`. */
function divide(
  f: Polynomial,
  g: Polynomial,
  byG: number,
  byF: number,
  swap: number,
  m: number,
  last: number,
): void {
  const inverse = 1 / m;
  let oldF = f[0] ?? 0;
  let oldG = g[0] ?? 0;
  for (let i = 0; i <= last; i++) {
    const nextF = f[i + 1] ?? 0;
    const nextG = g[i + 1] ?? 0;
    g[i] = centred(byG * nextG - byF * nextF, m, inverse);
    f[i] = oldF + swap * (oldG - oldF);
    oldF = nextF;
    oldG = nextG;
  }
}

/** r becomes byG·r - byF·x·v, v what r was if they swap, else x·v, up to the coefficient `last`. */
function combine(
  v: Polynomial,
  r: Polynomial,
  byG: number,
  byF: number,
  swap: number,
  m: number,
  last: number,
): void {
  const inverse = 1 / m;
  let shifted = 0;
  for (let i = 0; i <= last; i++) {
    const oldV = shifted;
    const oldR = r[i] ?? 0;
    shifted = v[i] ?? 0;
    r[i] = centred(byG * oldR - byF * oldV, m, inverse);
    v[i] = oldV + swap * (oldR - oldV);
  }
}

/** 1 for any integer but 0, which stays. */
export function nonzero(x: number): number {
  return (x | -x) >>> 31;
}

/** Square and multiply; the exponent is public. */
function power(base: number, exponent: number, m: number): number {
  if (exponent === 0) return 1;
  const root = power(centred(base * base, m), exponent >> 1, m);
  return exponent % 2 === 0 ? root : centred(root * base, m);
}
