/**
 * A bounds-checked cursor over received bytes: the data types of RFC 4251 §5. Strings come out as views, never copies.
 * Every violation is a `protocol` error that names what was read and where.
 */
import { protocolError, type SshError } from '../errors.ts';
import { readUint32, utf8Text } from './bytes.ts';

/** Longest mpint that is accepted: 16384 bits and a sign byte, the largest RSA key and group that SSH peers use. */
const MAX_MPINT_BYTES = 2049;
/** Longest algorithm name (RFC 4251 §6). */
const MAX_NAME_LENGTH = 64;
/** Most names in one list: bounds what a KEXINIT can make us allocate. */
const MAX_NAMES = 1024;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads RFC 4251 data types from a byte array, first byte to last. */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #at = 0;

  /**
   * @param bytes - the bytes to read; they are not copied
   * @param what - the name of what is read, for error messages: `CHANNEL_OPEN`, `public key`, …
   */
  constructor(bytes: Uint8Array, what = 'message') {
    this.#bytes = bytes;
    this.#what = what;
  }

  /** Bytes that are left. */
  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#at;
  }

  /** One byte. */
  byte(): number {
    this.#need(1, 'byte');
    return this.#bytes[this.#at++] ?? 0;
  }

  /** A boolean: any value but 0 is true (RFC 4251 §5). */
  boolean(): boolean {
    return this.byte() !== 0;
  }

  /** A uint32 as an unsigned number. */
  uint32(): number {
    this.#need(4, 'uint32');
    const value = readUint32(this.#bytes, this.#at);
    this.#at += 4;
    return value;
  }

  /** A uint64 as a bigint. */
  uint64(): bigint {
    const high = this.uint32();
    return (BigInt(high) << 32n) | BigInt(this.uint32());
  }

  /** Exactly `length` bytes, as a view. */
  fixed(length: number): Uint8Array {
    this.#need(length, `${String(length)} bytes`);
    const view = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return view;
  }

  /** A string: its length is checked against what is left before anything is taken. */
  string(): Uint8Array {
    const length = this.uint32();
    if (length > this.remaining) {
      throw this.error(`string of ${String(length)} bytes, only ${String(this.remaining)} left`);
    }
    return this.fixed(length);
  }

  /** A string that must be UTF-8 (RFC 3629). */
  utf8(): string {
    const bytes = this.string();
    try {
      return strictUtf8.decode(bytes);
    } catch {
      throw this.error('text that is not UTF-8');
    }
  }

  /** A string of text to show, where malformed UTF-8 is the sender's blemish and no violation. */
  lossyText(): string {
    return utf8Text(this.string());
  }

  /** A string of US-ASCII: the names of RFC 4251 §6, printable and without control characters. */
  ascii(): string {
    return this.#asciiOf(this.string());
  }

  /** A multiple precision integer; 16384 bits at the most. */
  mpint(): bigint {
    const bytes = this.string();
    if (bytes.length > MAX_MPINT_BYTES) throw this.error(`mpint of ${String(bytes.length)} bytes`);
    let value = 0n;
    let at = 0;
    for (; at + 4 <= bytes.length; at += 4) value = (value << 32n) | BigInt(readUint32(bytes, at));
    for (; at < bytes.length; at++) value = (value << 8n) | BigInt(bytes[at] ?? 0);
    return (bytes[0] ?? 0) & 0x80 ? value - (1n << BigInt(bytes.length * 8)) : value;
  }

  /**
   * A comma-separated list of names; the empty string is the empty list (RFC 4251 §5). A comma behind the last name is passed over:
   * libssh 0.10 writes one behind its ciphers.
   */
  nameList(): string[] {
    const text = this.#asciiOf(this.string()).replace(/([^,]),$/, '$1');
    if (text === '') return [];
    const names = text.split(',', MAX_NAMES + 1);
    if (names.length > MAX_NAMES)
      throw this.error(`name-list of more than ${String(MAX_NAMES)} names`);
    for (const name of names) {
      if (name === '') throw this.error('name-list with an empty name');
      if (name.length > MAX_NAME_LENGTH)
        throw this.error(`name of ${String(name.length)} characters in a name-list`);
    }
    return names;
  }

  /** Everything that is left, as a view. */
  rest(): Uint8Array {
    return this.fixed(this.remaining);
  }

  /**
   * A count of items that follow, checked against the bytes that are left before anything is allocated.
   *
   * @param minimumItemSize - the fewest bytes that one item can take
   */
  count(minimumItemSize: number): number {
    const count = this.uint32();
    if (count > this.remaining / minimumItemSize) {
      throw this.error(
        `count of ${String(count)} items, only ${String(this.remaining)} bytes left`,
      );
    }
    return count;
  }

  /** Nothing may be left. */
  end(): void {
    if (this.remaining > 0) throw this.error(`${String(this.remaining)} bytes too many`);
  }

  /** A `protocol` error that says where in what was read. */
  error(problem: string): SshError<'protocol'> {
    return protocolError(`${this.#what}: ${problem} at byte ${String(this.#at)}`);
  }

  #need(length: number, type: string): void {
    if (length > this.remaining) throw this.error(`truncated ${type}`);
  }

  #asciiOf(bytes: Uint8Array): string {
    for (const byte of bytes) {
      if (byte < 0x20 || byte > 0x7e)
        throw this.error('name with a byte that is not printable US-ASCII');
    }
    return utf8Text(bytes);
  }
}
