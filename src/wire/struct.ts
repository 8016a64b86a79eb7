/** Structures: payloads of channel requests, channel types and the like, declared as fields. */
import { type Fields, readFields, type StructOf, writeFields } from './fields.ts';
import { Reader } from './reader.ts';
import { Writer } from './writer.ts';

/** Encodes and decodes one structure. */
export interface Struct<S extends Fields> {
  readonly name: string;
  readonly fields: S;
  /** The structure in `bytes`; nothing may be left over. Throws a `protocol` error. */
  decode(bytes: Uint8Array): StructOf<S>;
  /** The bytes of a structure. */
  encode(value: StructOf<S>): Uint8Array;
}

/** What a structure decodes to. */
export type StructValue<T> = T extends Struct<infer S> ? StructOf<S> : never;

/**
 * Declares a structure: the payload of a request or a channel type, its type and its codec in one.
 *
 * @param name - how error messages call it
 * @param fields - its fields in wire order
 * @example
 * ```ts
 * import { fields, listen, struct } from 'rxssh';
 *
 * const load = struct('load', { cores: fields.uint32, host: fields.utf8 });
 * listen({
 *   …,
 *   globalRequests: { 'load@example.org': () => load.encode({ cores: cpus().length, host: hostname() }) },
 * });
 *
 * client.globalRequest('load@example.org').pipe(map((reply) => load.decode(reply).cores));
 * ```
 */
export function struct<S extends Fields>(name: string, fields: S): Struct<S> {
  return {
    name,
    fields,
    decode(bytes): StructOf<S> {
      const reader = new Reader(bytes, name);
      const value = readFields(fields, reader);
      reader.end();
      return value;
    },
    encode(value): Uint8Array {
      const writer = new Writer();
      writeFields(fields, writer, value);
      return writer.bytes();
    },
  };
}
