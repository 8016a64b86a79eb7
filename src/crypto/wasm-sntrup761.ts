/**
 * The loops of Streamlined NTRU Prime 761 as a small WebAssembly module of our own, eight coefficients at once. What forbids
 * WebAssembly, or does not know its vectors, leaves the plain ones in place.
 */
import { MODULUS, P, type Sntrup761Loops } from './sntrup761-plain.ts';
import { sntrup761Module } from './sntrup761.wasm.ts';
import { wasmExports } from './wasm-module.ts';

/** What the module exports; see sntrup761.wat. */
interface Sntrup761Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly convolve: (length: number) => void;
  readonly divisionSteps: (steps: number, degree: number, m: number) => number;
}

/** Places in the memory, in bytes. */
const F_AT = 4096;
const G_AT = 6144;
const V_AT = 8192;
const R_AT = 10_240;
const A_AT = 12_288;
const B_AT = 14_336;
const SUMS_AT = 20_480;

/** The loops; `undefined` where there is no WebAssembly with vectors, or it may not be used. */
export function wasmSntrup761(): Sntrup761Loops | undefined {
  const exports = wasmExports(sntrup761Module) as Sntrup761Exports | undefined;
  return exports === undefined ? undefined : loopsOf(exports);
}

function loopsOf({ memory, convolve, divisionSteps }: Sntrup761Exports): Sntrup761Loops {
  const words = new Int16Array(memory.buffer);
  const sums = new Int32Array(memory.buffer, SUMS_AT, 2 * P);

  return {
    convolve(a, b) {
      words.set(a, A_AT / 2);
      words.set(b.slice().reverse(), B_AT / 2 + P);
      convolve(P);
      const product = Float64Array.from(sums);
      words.fill(0);
      return product;
    },

    divisionSteps(a, m, steps) {
      words.set(MODULUS, F_AT / 2);
      words.set(a.slice().reverse(), G_AT / 2);
      words[R_AT / 2] = 1;
      const delta = divisionSteps(steps, P, m);
      const f0 = words[F_AT / 2] ?? 0;
      const v = Float64Array.from(words.subarray(V_AT / 2, V_AT / 2 + P));
      // secrets do not stay
      words.fill(0);
      return { delta, f0, v };
    },
  };
}
