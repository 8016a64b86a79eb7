/**
 * Poly1305 as a small WebAssembly module of our own, with vectors of four blocks: ten times as fast as plain JavaScript, which has
 * no 64-bit products. Where it cannot be had the row of the provider stays in place.
 */
import { poly1305Module } from './poly1305.wasm.ts';
import type { CryptoProvider } from './provider.ts';
import { wasmExports } from './wasm-module.ts';

/** What the module exports; see poly1305.wat. */
interface Poly1305Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly init: () => void;
  readonly blocks: (start: number, end: number, high: bigint) => void;
  readonly powers: () => void;
  readonly groups: (start: number, end: number) => void;
  readonly finish: () => void;
}

type Poly1305Row = Pick<CryptoProvider, 'poly1305'>;

const KEY_LENGTH = 32;
const TAG_AT = 96;
const TAG_LENGTH = 16;
const INPUT_AT = 208;
const BLOCK = 16;
const GROUP = 4 * BLOCK;
/** From this many bytes on the powers of the key are worth computing. */
const LONG = 256;
/** The bit above a whole block, in its highest limb. */
const WHOLE = 1n << 24n;
const LAST = 0n;

/** The Poly1305 row; `undefined` where there is no WebAssembly with vectors, or it may not be used. */
export function wasmPoly1305(): Poly1305Row | undefined {
  const exports = wasmExports(poly1305Module) as Poly1305Exports | undefined;
  return exports === undefined ? undefined : rowOf(exports);
}

function rowOf({ memory, init, blocks, powers, groups, finish }: Poly1305Exports): Poly1305Row {
  const bytes = new Uint8Array(memory.buffer);
  const room = (bytes.length - INPUT_AT) & ~(BLOCK - 1);

  /** Whole blocks, up to `end`: long inputs four at a time, what is left of them one by one. */
  const take = (end: number, isFirst: boolean): void => {
    let at = INPUT_AT;
    if (end - at >= LONG) {
      if (isFirst) powers();
      at = end - ((end - at) % GROUP);
      groups(INPUT_AT, at);
    }
    blocks(at, end, WHOLE);
  };

  return {
    poly1305(key, parts) {
      bytes.set(key.subarray(0, KEY_LENGTH));
      init();
      let filled = 0;
      let isFirst = true;
      for (const part of parts) {
        let rest = part;
        for (; filled + rest.length >= room; filled = 0, isFirst = false) {
          bytes.set(rest.subarray(0, room - filled), INPUT_AT + filled);
          take(INPUT_AT + room, isFirst);
          rest = rest.subarray(room - filled);
        }
        bytes.set(rest, INPUT_AT + filled);
        filled += rest.length;
      }
      const end = INPUT_AT + filled;
      const last = end - (filled % BLOCK);
      take(last, isFirst);
      if (last < end) {
        // a one behind the last bytes, and zeros
        bytes[end] = 1;
        bytes.fill(0, end + 1, last + BLOCK);
        blocks(last, last + BLOCK, LAST);
      }
      finish();
      const tag = bytes.slice(TAG_AT, TAG_AT + TAG_LENGTH);
      // a one-time key forges the tag that it was used for
      bytes.fill(0, 0, INPUT_AT);
      return tag;
    },
  };
}
