import { describe, expect, it } from '@jest/globals';
import {
  centred,
  P,
  plainLoops,
  type Polynomial,
  Q,
  type Sntrup761Loops,
} from '../../src/crypto/sntrup761-plain.ts';
import { DIVISION_STEPS } from '../../src/crypto/sntrup761-polynomials.ts';
import { shortPolynomial, smallPolynomial } from '../../src/crypto/sntrup761-sampling.ts';
import { sntrup761Module } from '../../src/crypto/sntrup761.wasm.ts';
import { wasmSntrup761 } from '../../src/crypto/wasm-sntrup761.ts';
import { determinedProvider } from '../support/determined.ts';
import { itIsAModule } from '../support/wasm-modules.ts';

const chance = determinedProvider(761);
const HALF = (Q - 1) / 2;

function loops(): Sntrup761Loops {
  const made = wasmSntrup761();
  if (made === undefined) throw new Error('there is no WebAssembly');
  return made;
}

function spread(): Polynomial {
  const bytes = chance.randomBytes(2 * P);
  return Float64Array.from({ length: P }, (_, i) =>
    centred((bytes[2 * i] ?? 0) * 256 + (bytes[2 * i + 1] ?? 0), Q),
  );
}

const all = (x: number): Polynomial => new Float64Array(P).fill(x);
const power = (degree: number): Polynomial => all(0).fill(1, degree, degree + 1);

/** What division steps came to, where only the residues matter; 0 is 0, whatever its sign. */
function divided({ divisionSteps }: Sntrup761Loops, a: Polynomial, m: number): unknown {
  const { delta, f0, v } = divisionSteps(a, m, DIVISION_STEPS);
  return [delta, centred(f0, m) + 0, [...v].map((x) => centred(x, m) + 0)];
}

describe('wasmSntrup761', () => {
  itIsAModule('sntrup761', sntrup761Module, wasmSntrup761);

  const large = [spread(), spread(), all(HALF), all(-HALF), all(8191), all(0), power(P - 1)];
  const small = [smallPolynomial(chance), shortPolynomial(chance), all(1), all(-1), power(P - 1)];

  it('multiplies like the plain loop', () => {
    const ours = loops();
    for (const a of large)
      for (const b of small) {
        const expected = [...plainLoops.convolve(a, b)].map((x) => x + 0);
        expect([...ours.convolve(a, b)]).toEqual(expected);
        expect([...ours.convolve(b, a)]).toEqual(expected);
      }
  });

  it('divides like the plain loop, modulo 3 and 4591, whether there is a reciprocal or none', () => {
    const ours = loops();
    const edges = [all(0), all(HALF), all(-HALF), power(0), power(P - 1), spread(), spread()];
    for (const a of [...small, ...edges])
      expect(divided(ours, a, Q)).toEqual(divided(plainLoops, a, Q));
    for (const a of [...small, all(0), power(0), smallPolynomial(chance)])
      expect(divided(ours, a, 3)).toEqual(divided(plainLoops, a, 3));
  });
});
