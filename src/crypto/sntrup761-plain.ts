/**
 * The two loops of Streamlined NTRU Prime 761 that take its time, in plain JavaScript; sntrup761.wat has them eight coefficients at
 * once. Doubles are exact here, since no sum comes near 2^53, and nothing branches on a coefficient or takes one as an index: what
 * is secret does not show in the time.
 */

/** Degree of the modulus; a polynomial has as many coefficients. */
export const P = 761;
/** Modulus of public coefficients. */
export const Q = 4591;
/** Coefficients, constant term first. */
export type Polynomial = Float64Array;

/** x^761 - x - 1 backwards. */
export const MODULUS: Polynomial = /* @__PURE__ */ Float64Array.from({ length: P + 1 }, (_, i) =>
  i === 0 ? 1 : i < P - 1 ? 0 : -1,
);
/** Adding this and taking it away again rounds to the nearest integer. */
const ROUNDING = 1.5 * 2 ** 52;

/** What can be done in more ways than one. */
export interface Sntrup761Loops {
  /** The sums of a[i]·b[k-i]; the coefficients of one factor at least must be small, those of the other below 2^13. */
  readonly convolve: (a: Polynomial, b: Polynomial) => Polynomial;
  /** So many division steps, by a polynomial whose coefficients are centred modulo a prime m. */
  readonly divisionSteps: (a: Polynomial, m: number, steps: number) => Divided;
}

/** Where division steps end; coefficients need not be centred. */
export interface Divided {
  /** 0 when the greatest common divisor is a constant. */
  readonly delta: number;
  /** That constant. */
  readonly f0: number;
  /** The reciprocal backwards, times that constant. */
  readonly v: Polynomial;
}

export const plainLoops: Sntrup761Loops = {
  convolve(a, b) {
    const product = new Float64Array(2 * P);
    for (let i = 0; i < P; i++) {
      const factor = a[i] ?? 0;
      for (let j = 0; j < P; j++) product[i + j] = (product[i + j] ?? 0) + factor * (b[j] ?? 0);
    }
    return product;
  },

  divisionSteps(a, m, steps) {
    const f = new Float64Array(P + 2);
    const g = new Float64Array(P + 2);
    f.set(MODULUS);
    // reversed: the division steps look at the constant term
    g.set(a.slice().reverse());
    // v/f and r/g stay the same modulo the polynomial that f was, but for powers of x
    const v = new Float64Array(P + 1);
    const r = new Float64Array(P + 1);
    r[0] = 1;
    let delta = 1;
    for (let step = 0; step < steps; step++) {
      const swap = (-delta >>> 31) & nonzero(g[0] ?? 0);
      const sign = 1 - 2 * swap;
      delta = 1 + sign * delta;
      const byG = sign * (f[0] ?? 0);
      const byF = sign * (g[0] ?? 0);
      // what no later step looks at is left as it is
      divide(f, g, byG, byF, swap, m, Math.min(P, steps - 1 - step));
      combine(v, r, byG, byF, swap, m, Math.min(P, step));
    }
    return { delta, f0: f[0] ?? 0, v: v.subarray(0, P) };
  },
};

/** The representative of x modulo an odd m that lies nearest to 0. */
export function centred(x: number, m: number, inverse = 1 / m): number {
  return x - m * (x * inverse + ROUNDING - ROUNDING);
}

/** What a division step does to two polynomials, up to the coefficient `last`; `swap` is 1 or 0. */
type HalfStep = (
  a: Polynomial,
  b: Polynomial,
  byG: number,
  byF: number,
  swap: number,
  m: number,
  last: number,
) => void;

/** g becomes (byG·g - byF·f)/x, f what g was if they swap. */
const divide: HalfStep = (f, g, byG, byF, swap, m, last) => {
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
};

/** r becomes byG·r - byF·x·v, v what r was if they swap, else x·v. */
const combine: HalfStep = (v, r, byG, byF, swap, m, last) => {
  const inverse = 1 / m;
  let shifted = 0;
  for (let i = 0; i <= last; i++) {
    const oldV = shifted;
    const oldR = r[i] ?? 0;
    shifted = v[i] ?? 0;
    r[i] = centred(byG * oldR - byF * oldV, m, inverse);
    v[i] = oldV + swap * (oldR - oldV);
  }
};

/** 1 for any integer but 0, which stays. */
export function nonzero(x: number): number {
  return (x | -x) >>> 31;
}
