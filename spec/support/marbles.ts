/** Marble diagrams for streams of bytes: `Uint8Array` is compared by its content, `SshError` by its kind. */
import { expect } from '@jest/globals';
import { TestScheduler, type RunHelpers } from 'rxjs/testing';
import { isSshError } from '../../src/errors.ts';

/** Runs marble expectations on virtual time. */
export function marbles(run: (helpers: RunHelpers) => void): void {
  const scheduler = new TestScheduler((actual: unknown, expected: unknown) => {
    expect(comparable(actual)).toEqual(comparable(expected));
  });
  scheduler.run(run);
}

/** Bytes from hexadecimal digits; blanks are passed over. */
export function hex(digits: string): Uint8Array {
  return Uint8Array.from(Buffer.from(digits.replaceAll(' ', ''), 'hex'));
}

/** Bytes of a text. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The error that an expectation names by its kind alone: `expectError('-#', 'overflow')`. */
export function ofKind(kind: string): object {
  return { [KIND]: kind };
}

const KIND = Symbol('kind');

/** A value as plain data: bytes as hexadecimal, errors of ours as their kind, other errors as their message. */
export function comparable(value: unknown): unknown {
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`;
  if (isSshError(value)) return `SshError ${value.kind}`;
  if (value instanceof Error) return `${value.name} ${value.message}`;
  if (typeof value !== 'object' || value === null) return value;
  if (KIND in value) return `SshError ${String(value[KIND])}`;
  if (Array.isArray(value)) return value.map(comparable);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, comparable(each)]));
}

/** The pieces of `bytes`, each of at most `size` bytes. */
export function chunked(bytes: Uint8Array, size: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.slice(at, at + size));
  return pieces;
}
