/**
 * Messages as data: a row gives the number, the name and the fields; codec, TypeScript type, trace text and the generators of
 * property tests all come from it. A table is what one phase of the protocol understands, number → row.
 */
import { type Fields, type StructOf, writeFields } from './fields.ts';
import { Reader } from './reader.ts';
import type { Writer } from './writer.ts';

/** One message of the protocol. */
export interface MessageRow<N extends string = string, S extends Fields = Fields> {
  /** First byte of the payload (RFC 4250 §4.1). */
  readonly number: number;
  /** The RFC's name without `SSH_MSG_`. */
  readonly type: N;
  /** What follows the number, in the order of the wire. */
  readonly fields: S;
}

/** The value of a row: its `type` and its fields. */
export type MessageOf<R> =
  R extends MessageRow<infer N, infer S> ? { readonly type: N } & StructOf<S> : never;

/** Any message, as the layers pass it on before they know which. */
export interface AnyMessage {
  readonly type: string;
}

/** The messages that one phase understands, by number. */
export type MessageTable = readonly (MessageRow | undefined)[];

/** Declares a message. */
export function message<const N extends string, S extends Fields>(
  number: number,
  type: N,
  fields: S,
): MessageRow<N, S> {
  return { number, type, fields };
}

/** A table from rows; a later layer may not give a number a second meaning. */
export function messageTable(...layers: readonly (readonly MessageRow[])[]): MessageTable {
  const table = new Array<MessageRow | undefined>(256).fill(undefined);
  for (const row of layers.flat()) {
    if (table[row.number] !== undefined)
      throw new TypeError(`message number ${String(row.number)} stands twice in a table`);
    table[row.number] = row;
  }
  return table;
}

/**
 * Reads the payload of one packet by its row. Throws a `protocol` error for a truncated message or bytes left over.
 *
 * @param payload - message number and fields; views of it stay in the value
 */
export function readMessage(row: MessageRow, payload: Uint8Array): AnyMessage {
  const reader = new Reader(payload, row.type);
  reader.byte();
  const value: Record<string, unknown> & { type: string } = { type: row.type };
  for (const name in row.fields) value[name] = row.fields[name]?.read(reader);
  reader.end();
  return value;
}

/** Writes number and fields of a message. */
export function writeMessage(row: MessageRow, writer: Writer, value: AnyMessage): void {
  writer.byte(row.number);
  writeFields(row.fields, writer, value as unknown as StructOf<Fields>);
}
