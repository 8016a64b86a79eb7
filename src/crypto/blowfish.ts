/**
 * Blowfish (B. Schneier, FSE 1993). Its tables are the binary digits of π behind the point, so they are computed when somebody
 * asks for the cipher: that takes some tens of milliseconds, once.
 */
import type { Halves, SmallBlockCipher } from './block-modes.ts';
import { scaledPi } from './modp.ts';

const ROUNDS = 16;
const SUBKEYS = ROUNDS + 2;
const BOX = 256;
const BOXES = 4 * BOX;
const DIGITS = 8;

let digitsOfPi: Uint32Array | undefined;

/** The cipher under a key of 1 to 56 bytes. */
export function blowfish(key: Uint8Array): SmallBlockCipher {
  const digits = (digitsOfPi ??= fractionOfPi(SUBKEYS + BOXES));
  const p = digits.slice(0, SUBKEYS);
  const s = digits.slice(SUBKEYS);
  const f = (x: number): number =>
    ((((s[x >>> 24] ?? 0) + (s[BOX + ((x >>> 16) & 0xff)] ?? 0)) ^
      (s[2 * BOX + ((x >>> 8) & 0xff)] ?? 0)) +
      (s[3 * BOX + (x & 0xff)] ?? 0)) |
    0;
  const run = (first: number, step: 1 | -1, left: number, right: number): Halves => {
    let [l, r] = [left, right];
    for (let at = first, round = 0; round < ROUNDS; round++, at += step) {
      l ^= p[at] ?? 0;
      [l, r] = [r ^ f(l), l];
    }
    const end = first + ROUNDS * step;
    return [(r ^ (p[end + step] ?? 0)) >>> 0, (l ^ (p[end] ?? 0)) >>> 0];
  };
  const cipher: SmallBlockCipher = {
    encrypt: (left, right) => run(0, 1, left, right),
    decrypt: (left, right) => run(SUBKEYS - 1, -1, left, right),
  };
  mixIn(key, p);
  let block: Halves = [0, 0];
  for (const table of [p, s]) {
    for (let at = 0; at < table.length; at += 2) {
      block = cipher.encrypt(...block);
      table.set(block, at);
    }
  }
  return cipher;
}

/** The key, over and over again. */
function mixIn(key: Uint8Array, p: Uint32Array): void {
  let at = 0;
  for (let index = 0; index < p.length; index++) {
    let word = 0;
    for (let byte = 0; byte < 4; byte++) word = (word << 8) | (key[at++ % key.length] ?? 0);
    p[index] = (p[index] ?? 0) ^ word;
  }
}

function fractionOfPi(words: number): Uint32Array {
  const bits = BigInt(words * 32);
  const fraction = scaledPi(bits) - (3n << bits);
  const hex = fraction.toString(16).padStart(words * DIGITS, '0');
  return Uint32Array.from({ length: words }, (_, at) =>
    Number.parseInt(hex.slice(at * DIGITS, (at + 1) * DIGITS), 16),
  );
}
