/** Bytes as they should not be, and what reading them gives. */
import fc from 'fast-check';
import { isSshError } from '../../src/errors.ts';

/** Something is done to bytes. */
export interface Damage {
  readonly at: number;
  readonly remove: number;
  readonly insert: Uint8Array;
}

/** Any damage. */
export const damage: fc.Arbitrary<Damage> = fc.record({
  at: fc.nat({ max: 300 }),
  remove: fc.nat({ max: 5 }),
  insert: fc.uint8Array({ maxLength: 5 }),
});

/** A copy with the damage. */
export function damaged(bytes: Uint8Array, { at, remove, insert }: Damage): Uint8Array {
  const place = at % (bytes.length + 1);
  return Uint8Array.from([
    ...bytes.subarray(0, place),
    ...insert,
    ...bytes.subarray(place + remove),
  ]);
}

/** What reading gives: a value, or the kind of the error. Any other error is thrown on. */
export function reading(read: () => unknown): unknown {
  try {
    return { value: read() };
  } catch (error) {
    if (!isSshError(error)) throw error;
    return error.kind;
  }
}
