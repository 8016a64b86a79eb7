/**
 * The data types of RFC 4251 §5 once more, for the raw peer alone: it shares no line with src/wire, so that a mistake made
 * there cannot cancel itself out in a spec.
 */

/** Whatever becomes bytes: text as UTF-8. */
export type Bytes = Uint8Array | string;

/** Bytes in a row. */
export function cat(...parts: readonly Bytes[]): Buffer {
  return Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array)));
}

/** One byte. */
export function byte(value: number): Buffer {
  return Buffer.from([value & 0xff]);
}

/** A boolean. */
export function bool(value: boolean): Buffer {
  return byte(value ? 1 : 0);
}

/** A uint32. */
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** A string: its length, then its bytes. */
export function str(value: Bytes): Buffer {
  const bytes = Buffer.from(value as Uint8Array);
  return cat(u32(bytes.length), bytes);
}

/** A name-list. */
export function names(...list: readonly string[]): Buffer {
  return str(list.join(','));
}

/** An mpint from an unsigned big-endian number of any length. */
export function mpint(unsigned: Uint8Array): Buffer {
  let start = 0;
  while (start < unsigned.length && unsigned[start] === 0) start++;
  const digits = Buffer.from(unsigned.subarray(start));
  return str(((digits[0] ?? 0) & 0x80) === 0 ? digits : cat(byte(0), digits));
}

/** Reads what a peer has sent. Running past the end throws a RangeError: here that is a failed spec. */
export class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes);
  }

  byte(): number {
    return this.#bytes.readUInt8(this.#at++);
  }

  bool(): boolean {
    return this.byte() !== 0;
  }

  u32(): number {
    this.#at += 4;
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  str(): Buffer {
    const length = this.u32();
    if (this.#at + length > this.#bytes.length) throw new RangeError('string past the end');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  text(): string {
    return this.str().toString();
  }

  names(): string[] {
    const text = this.text();
    return text === '' ? [] : text.split(',');
  }

  skip(length: number): this {
    this.#at += length;
    return this;
  }

  rest(): Buffer {
    return this.#bytes.subarray(this.#at);
  }
}
