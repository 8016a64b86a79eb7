/**
 * Builds the data types of RFC 4251 §5 in one growing buffer. A writer keeps room before what is written (for packet length
 * and padding length) so that a packet is never copied only to be framed.
 */
import { utf8Bytes, writeUint32 } from './bytes.ts';

/** Writes RFC 4251 data types; `reset` makes it ready for the next message without a new allocation. */
export class Writer {
  /** The name of the message that is written, for whoever traces it. */
  title = '';
  #buffer: Uint8Array;
  #at: number;
  readonly #headRoom: number;

  /**
   * @param capacity - bytes to begin with; it grows by doubling
   * @param headRoom - bytes kept free before the first written one
   */
  constructor(capacity = 256, headRoom = 0) {
    this.#buffer = new Uint8Array(headRoom + capacity);
    this.#headRoom = headRoom;
    this.#at = headRoom;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#at - this.#headRoom;
  }

  /** What was written, as a view that is good until the next `reset` or write. */
  view(): Uint8Array {
    return this.#buffer.subarray(this.#headRoom, this.#at);
  }

  /** What was written, as a copy of its own. */
  bytes(): Uint8Array {
    return this.#buffer.slice(this.#headRoom, this.#at);
  }

  /**
   * Head room, what was written and `tailRoom` bytes behind it, as one view over the writer's own buffer:
   * the place where a packet is framed and padded.
   */
  framed(tailRoom: number): Uint8Array {
    this.#reserve(tailRoom);
    return this.#buffer.subarray(0, this.#at + tailRoom);
  }

  /** Forgets what was written and keeps the buffer. */
  reset(): this {
    this.#at = this.#headRoom;
    return this;
  }

  /** RFC 4251 §5: one byte. */
  byte(value: number): this {
    this.#reserve(1);
    this.#buffer[this.#at++] = value;
    return this;
  }

  /** RFC 4251 §5: 1 or 0. */
  boolean(value: boolean): this {
    return this.byte(value ? 1 : 0);
  }

  /** RFC 4251 §5: four bytes, the most significant first. */
  uint32(value: number): this {
    this.#reserve(4);
    writeUint32(this.#buffer, this.#at, value);
    this.#at += 4;
    return this;
  }

  /** RFC 4251 §5: eight bytes, the most significant first. */
  uint64(value: bigint): this {
    return this.uint32(Number((value >> 32n) & 0xffffffffn)).uint32(Number(value & 0xffffffffn));
  }

  /** Bytes as they are, without a length. */
  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
    return this;
  }

  /** A string: length, then the bytes. */
  string(bytes: Uint8Array): this {
    return this.uint32(bytes.length).raw(bytes);
  }

  /** A text as a string of UTF-8. */
  utf8(text: string): this {
    return this.string(utf8Bytes(text));
  }

  /** A multiple precision integer in its shortest two's complement form (RFC 4251 §5). */
  mpint(value: bigint): this {
    return this.string(mpintBytes(value));
  }

  /** Names joined by commas. */
  nameList(names: readonly string[]): this {
    return this.utf8(names.join(','));
  }

  #reserve(length: number): void {
    if (this.#at + length <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(this.#buffer.length * 2, this.#at + length));
    grown.set(this.#buffer.subarray(0, this.#at));
    this.#buffer = grown;
  }
}

/** The two's complement bytes of an mpint: no superfluous leading 00 or FF, a 00 in front when the top bit would mislead. */
export function mpintBytes(value: bigint): Uint8Array {
  if (value === 0n) return new Uint8Array(0);
  const length = byteLength(value);
  let rest = BigInt.asUintN(length * 8, value);
  const bytes = new Uint8Array(length);
  for (let i = length - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

/** An unsigned big-endian number as the bytes of an mpint: leading zeros stripped, 00 in front when the top bit is set. */
export function unsignedToMpint(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.length && bytes[start] === 0) start++;
  const significant = bytes.subarray(start);
  if (((significant[0] ?? 0) & 0x80) === 0) return significant.slice();
  const padded = new Uint8Array(significant.length + 1);
  padded.set(significant, 1);
  return padded;
}

function byteLength(value: bigint): number {
  const magnitude = value < 0n ? -value - 1n : value;
  return Math.floor(magnitude.toString(2).length / 8) + 1;
}
