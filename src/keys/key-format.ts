/**
 * Reading what keys, signatures and key files are made of. Whatever is wrong with them comes out as one typed error,
 * `key-format`, that says what and where. Numbers are kept as bytes for as long as possible: a length check on bytes is
 * cheap, arithmetic on a hostile number is not.
 */
import { type ErrorDetails, isSshError, SshError } from '../errors.ts';
import { Reader } from '../wire/reader.ts';

/** Why a key could not be read. */
export type KeyFormatReason = ErrorDetails['key-format']['reason'];

/**
 * A `key-format` error.
 *
 * @param reason - what the caller can do about it
 * @param message - what is wrong, and where
 * @param cause - the error that led to it
 */
export function keyFormatError(
  reason: KeyFormatReason,
  message: string,
  cause?: unknown,
): SshError<'key-format'> {
  return new SshError('key-format', message, { reason }, { cause });
}

/**
 * Reads a structure of a key to its end; a violation of RFC 4251 §5 becomes a `key-format` error.
 *
 * @param bytes - the whole structure
 * @param what - its name in messages
 * @param read - takes the fields
 */
export function readKeyData<T>(bytes: Uint8Array, what: string, read: (reader: Reader) => T): T {
  const reader = new Reader(bytes, what);
  try {
    const value = read(reader);
    reader.end();
    return value;
  } catch (error) {
    if (isSshError(error, 'protocol')) throw keyFormatError('malformed', error.message, error);
    throw error;
  }
}

/**
 * The magnitude of an mpint that must be positive, in its shortest form, and fit in `limit` bytes (RFC 4251 §5).
 * Throws the reader's `protocol` error.
 */
export function readMagnitude(reader: Reader, limit: number, name: string): Uint8Array {
  const bytes = reader.string();
  const first = bytes[0];
  if (first === undefined) throw reader.error(`${name} is zero`);
  if ((first & 0x80) !== 0) throw reader.error(`${name} is negative`);
  if (first === 0 && ((bytes[1] ?? 0) & 0x80) === 0)
    throw reader.error(`${name} is not in its shortest form`);
  const magnitude = first === 0 ? bytes.subarray(1) : bytes;
  if (magnitude.length > limit)
    throw reader.error(`${name} of ${String(magnitude.length)} bytes, at most ${String(limit)}`);
  return magnitude;
}

/** Unsigned big-endian bytes with zeros in front up to `length`; bytes that are longer stay as they are. */
export function leftPad(bytes: Uint8Array, length: number): Uint8Array {
  const padded = new Uint8Array(Math.max(length, bytes.length));
  padded.set(bytes, padded.length - bytes.length);
  return padded;
}

/** The first field of a line and what follows it; fields are separated by spaces and tabs, and by nothing else. */
export function splitField(line: string): readonly [field: string, rest: string] {
  const start = skipBlanks(line, 0);
  let end = start;
  while (end < line.length && !isBlank(line, end)) end++;
  return [line.slice(start, end), line.slice(skipBlanks(line, end))];
}

function skipBlanks(line: string, from: number): number {
  let at = from;
  while (at < line.length && isBlank(line, at)) at++;
  return at;
}

function isBlank(line: string, at: number): boolean {
  const code = line.charCodeAt(at);
  return code === 0x20 || code === 0x09;
}
