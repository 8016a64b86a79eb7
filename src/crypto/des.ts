/** Triple DES (SP 800-67), for where the platform has none. Plain and slow: nobody should be in need of it. */
import type { Halves, SmallBlockCipher } from './block-modes.ts';

type Bits = readonly number[];

const KEY_LENGTH = 8;
const ROUNDS = 16;
const HALF = 32;
const KEY_HALF = 28;

/** Bit numbers of the standard, which counts from the left and from 1. */
const INITIAL = [58, 60, 62, 64, 57, 59, 61, 63].flatMap((start) => column(start, 8));
const FINAL = INITIAL.map((_, at) => INITIAL.indexOf(at + 1) + 1);
const ROUND_PERMUTATION = [
  ...[16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10],
  ...[2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25],
];
const KEY_CHOICE_1 = [
  ...[57, 58, 59].flatMap((start) => column(start, 8)),
  ...[60, 52, 44, 36],
  ...[63, 62, 61].flatMap((start) => column(start, 8)),
  ...[28, 20, 12, 4],
];
const KEY_CHOICE_2 = [
  ...[14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2],
  ...[41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36],
  ...[29, 32],
];
/** Rounds before which the halves of the key move by one bit; by two before the others. */
const SINGLE_SHIFTS: ReadonlySet<number> = new Set([0, 1, 8, 15]);

/** S1 to S8, row by row, a hexadecimal digit for each value. */
const S_BOXES: readonly string[] = [
  'e4d12fb83a6c59070f74e2d1a6cb953841e8d62bfc973a50fc8249175b3ea06d',
  'f18e6b34972dc05a3d47f28ec01a69b50e7ba4d158c6932fd8a13f42b67c05e9',
  'a09e63f51dc7b428d709346a285ecbf1d6498f30b12c5ae71ad069874fe3b52c',
  '7de3069a1285bc4fd8b56f03472c1ae9a690cb7df13e52843f06a1d8945bc72e',
  '2c417ab6853fd0e9eb2c47d150fa3986421bad78f9c5630eb8c71e2d6f09a453',
  'c1af92680d34e75baf427c9561de0b389ef528c3704a1db6432c95fabe17608d',
  '4b2ef08d3c975a61d0b7491ae35c2f8614bdc37eaf6805926bd814a7950fe23c',
  'd2846fb1a93e50c71fd8a374c56b0e927b419ce206adf35821e74a8dfc90356b',
];

/** What the S-boxes and the permutation behind them make of 6 bits, as 32. */
let substitutions: readonly Uint32Array[] | undefined;

/** Encrypts, decrypts and encrypts under the three parts of a key of 24 bytes. */
export function tripleDes(key: Uint8Array): SmallBlockCipher {
  const [first = [], second = [], third = []] = [0, 1, 2].map((part) =>
    roundKeys(key.subarray(part * KEY_LENGTH, (part + 1) * KEY_LENGTH)),
  );
  const backwards = (keys: readonly Bits[]): readonly Bits[] => [...keys].reverse();
  // the permutation at the end of one and that at the start of the next undo each other
  const forth = [first, backwards(second), third];
  const back = [backwards(third), second, backwards(first)];
  return {
    encrypt: (left, right) => throughAll(forth, left, right),
    decrypt: (left, right) => throughAll(back, left, right),
  };
}

function throughAll(stages: readonly (readonly Bits[])[], left: number, right: number): Halves {
  const tables = (substitutions ??= S_BOXES.map(substitutionsOf));
  let halves = halvesOf(permuted([...bitsOf(left, HALF), ...bitsOf(right, HALF)], INITIAL));
  for (const keys of stages) halves = rounds(tables, keys, halves);
  return halvesOf(permuted([...bitsOf(halves[0], HALF), ...bitsOf(halves[1], HALF)], FINAL));
}

function rounds(
  tables: readonly Uint32Array[],
  keys: readonly Bits[],
  [left, right]: Halves,
): Halves {
  let [l, r] = [left, right];
  for (const key of keys) {
    let mixed = 0;
    // six bits of the half for each box, of which the outer two are those of its neighbours
    key.forEach((part, box) => {
      const turn = (27 - 4 * box + HALF) % HALF;
      const six = ((r >>> turn) | (r << (HALF - turn))) & 0x3f;
      mixed ^= tables[box]?.[six ^ part] ?? 0;
    });
    [l, r] = [r, l ^ mixed];
  }
  return [r >>> 0, l >>> 0];
}

/** For each round the eight parts of six bits. */
function roundKeys(key: Uint8Array): readonly Bits[] {
  const bits = permuted(
    [...key].flatMap((byte) => bitsOf(byte, 8)),
    KEY_CHOICE_1,
  );
  let [c, d] = [bits.slice(0, KEY_HALF), bits.slice(KEY_HALF)];
  return Array.from({ length: ROUNDS }, (_, round) => {
    const shift = SINGLE_SHIFTS.has(round) ? 1 : 2;
    [c, d] = [turned(c, shift), turned(d, shift)];
    const chosen = permuted([...c, ...d], KEY_CHOICE_2);
    return Array.from({ length: 8 }, (_part, at) => numberOf(chosen.slice(at * 6, at * 6 + 6)));
  });
}

function substitutionsOf(box: string, index: number): Uint32Array {
  return Uint32Array.from({ length: 64 }, (_, six) => {
    const row = ((six >> 4) & 2) | (six & 1);
    const value = Number.parseInt(box.charAt(row * 16 + ((six >> 1) & 15)), 16);
    return numberOf(permuted(bitsOf(value << (28 - 4 * index), HALF), ROUND_PERMUTATION));
  });
}

function permuted(bits: Bits, order: readonly number[]): Bits {
  return order.map((number) => bits[number - 1] ?? 0);
}

function turned(bits: Bits, by: number): number[] {
  return [...bits.slice(by), ...bits.slice(0, by)];
}

function column(start: number, length: number): readonly number[] {
  return Array.from({ length }, (_, at) => start - 8 * at);
}

function bitsOf(value: number, length: number): Bits {
  return Array.from({ length }, (_, at) => (value >>> (length - 1 - at)) & 1);
}

function numberOf(bits: Bits): number {
  return bits.reduce((value, bit) => ((value << 1) | bit) >>> 0, 0);
}

function halvesOf(bits: Bits): Halves {
  return [numberOf(bits.slice(0, HALF)), numberOf(bits.slice(HALF))];
}
