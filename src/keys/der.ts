/** DER (ITU-T X.690), as far as private keys need it: definite lengths in their shortest form, and nothing behind the end. */
import { concatBytes, equalBytes } from '../wire/bytes.ts';
import { keyFormatError } from './key-format.ts';

/** Tags of what private keys are made of. */
export const DerTag = {
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  NULL: 0x05,
  OBJECT_IDENTIFIER: 0x06,
  SEQUENCE: 0x30,
} as const;

const CONTEXT_SPECIFIC = 0xa0;
/** More than a file has. */
const MAX_LENGTH_BYTES = 4;

/** Reads the elements of one constructed element. Everything throws `key-format`, `malformed`, for what is not there. */
export class DerReader {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #at = 0;

  /**
   * @param bytes - the content of an element, or a whole file
   * @param what - its name in messages
   */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Does an element of this tag come next? */
  isNext(tag: number): boolean {
    return this.#bytes[this.#at] === tag;
  }

  /** The content of the next element, which must have this tag. */
  element(tag: number): Uint8Array {
    if (!this.isNext(tag)) throw this.error(`no element of tag 0x${tag.toString(16)}`);
    this.#at++;
    const length = this.#length();
    const end = this.#at + length;
    if (end > this.#bytes.length) throw this.error('an element that is longer than what is there');
    const content = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return content;
  }

  /** The elements of the next SEQUENCE. */
  sequence(): DerReader {
    return new DerReader(this.element(DerTag.SEQUENCE), this.#what);
  }

  /** The elements of the next one, if it has this context-specific number. */
  optional(number: number): DerReader | undefined {
    const tag = CONTEXT_SPECIFIC | number;
    return this.isNext(tag) ? new DerReader(this.element(tag), this.#what) : undefined;
  }

  /** The bytes of the next INTEGER, which must not be negative: the most significant first, without zeros in front. */
  magnitude(): Uint8Array {
    const bytes = this.element(DerTag.INTEGER);
    const [first, second = 0] = bytes;
    if (first === undefined) throw this.error('an INTEGER without bytes');
    if (first >= 0x80) throw this.error('a negative INTEGER');
    if (first > 0 || bytes.length === 1) return first === 0 ? bytes.subarray(1) : bytes;
    if (second < 0x80) throw this.error('an INTEGER that is not in its shortest form');
    return bytes.subarray(1);
  }

  /** The next INTEGER, which must be small. */
  smallInteger(): number {
    const bytes = this.magnitude();
    if (bytes.length > 4) throw this.error('an INTEGER that is too large');
    return bytes.reduce((value, byte) => value * 256 + byte, 0);
  }

  /** The next OBJECT IDENTIFIER, encoded. */
  objectIdentifier(): Uint8Array {
    return this.element(DerTag.OBJECT_IDENTIFIER);
  }

  /** Throws unless everything was read. */
  end(): void {
    if (!this.isAtEnd) throw this.error('more than there should be');
  }

  error(problem: string): Error {
    return keyFormatError('malformed', `${this.#what}: ${problem}`);
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0 || count > MAX_LENGTH_BYTES) throw this.error('a length that cannot be');
    let length = 0;
    for (let index = 0; index < count; index++) length = length * 256 + this.#byte();
    if (length < 0x80 || length < 256 ** (count - 1))
      throw this.error('a length that is not in its shortest form');
    return length;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw this.error('ends in the middle of an element');
    return byte;
  }
}

/**
 * An object identifier in its bytes.
 *
 * @param dotted - `1.2.840.113549.1.1.1`
 */
export function objectIdentifier(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return concatBytes([first * 40 + second, ...rest].map(base128));
}

/** The value of the row whose object identifier this is. */
export function byIdentifier<T>(
  rows: readonly (readonly [identifier: Uint8Array, value: T])[],
  identifier: Uint8Array,
): T | undefined {
  return rows.find(([known]) => equalBytes(known, identifier))?.[1];
}

function base128(number: number): Uint8Array {
  const digits = [number % 128];
  for (let rest = Math.floor(number / 128); rest > 0; rest = Math.floor(rest / 128))
    digits.unshift((rest % 128) | 0x80);
  return Uint8Array.from(digits);
}
