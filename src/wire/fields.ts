/** Field codecs: one small object for each data type of RFC 4251 §5, from which messages are declared. */
import type { Reader } from './reader.ts';
import type { Writer } from './writer.ts';

/** Names the shape of a field, for traces and for the generators of property tests. */
export type FieldKind =
  | 'byte'
  | 'boolean'
  | 'uint32'
  | 'uint64'
  | 'string'
  | 'utf8'
  | 'text'
  | 'ascii'
  | 'mpint'
  | 'nameList'
  | 'fixed'
  | 'rest'
  | 'list'
  /** What SFTP says of a file: src/sftp/attributes.ts. */
  | 'attributes';

/** Reads and writes one field. */
export interface Field<T> {
  /** Its type in the words of RFC 4251 §5. */
  readonly kind: FieldKind;
  /** Length in bytes of a `fixed` field. */
  readonly size?: number;
  /** What an item of a `list` field looks like. */
  readonly item?: Fields;
  /** The field may be absent at the end of a message: what it then is. */
  readonly absent?: T;
  /** Takes the field out of a payload; throws `protocol` for what is none. */
  read(reader: Reader): T;
  /** Puts the field behind what was written. */
  write(writer: Writer, value: T): void;
}

/** The fields of a structure, in the order in which they stand on the wire. */
export type Fields = Readonly<Record<string, Field<unknown>>>;

/** The value that a field holds. */
export type FieldValue<F> = F extends Field<infer T> ? T : never;

/** The object that a list of fields describes. */
export type StructOf<S extends Fields> = { readonly [K in keyof S]: FieldValue<S[K]> };

export const byte: Field<number> = {
  kind: 'byte',
  read: (reader) => reader.byte(),
  write: (writer, value) => writer.byte(value),
};

export const boolean: Field<boolean> = {
  kind: 'boolean',
  read: (reader) => reader.boolean(),
  write: (writer, value) => writer.boolean(value),
};

export const uint32: Field<number> = {
  kind: 'uint32',
  read: (reader) => reader.uint32(),
  write: (writer, value) => writer.uint32(value),
};

export const uint64: Field<bigint> = {
  kind: 'uint64',
  read: (reader) => reader.uint64(),
  write: (writer, value) => writer.uint64(value),
};

/** Arbitrary bytes with a length in front. */
export const string: Field<Uint8Array> = {
  kind: 'string',
  read: (reader) => reader.string(),
  write: (writer, value) => writer.string(value),
};

/** Text that must be UTF-8. */
export const utf8: Field<string> = {
  kind: 'utf8',
  read: (reader) => reader.utf8(),
  write: (writer, value) => writer.utf8(value),
};

/** Text for people: malformed UTF-8 is replaced, not refused. */
export const text: Field<string> = {
  kind: 'text',
  read: (reader) => reader.lossyText(),
  write: (writer, value) => writer.utf8(value),
};

/** A name of printable US-ASCII. */
export const ascii: Field<string> = {
  kind: 'ascii',
  read: (reader) => reader.ascii(),
  write: (writer, value) => writer.utf8(value),
};

export const mpint: Field<bigint> = {
  kind: 'mpint',
  read: (reader) => reader.mpint(),
  write: (writer, value) => writer.mpint(value),
};

export const nameList: Field<readonly string[]> = {
  kind: 'nameList',
  read: (reader) => reader.nameList(),
  write: (writer, value) => writer.nameList(value),
};

/** Everything up to the end of the message. */
export const rest: Field<Uint8Array> = {
  kind: 'rest',
  read: (reader) => reader.rest(),
  write: (writer, value) => writer.raw(value),
};

/** Exactly `size` bytes without a length in front. */
export function fixed(size: number): Field<Uint8Array> {
  return {
    kind: 'fixed',
    size,
    read: (reader) => reader.fixed(size),
    write: (writer, value) => writer.raw(value),
  };
}

/** A field that older peers leave out at the end of a message. */
export function optional<T>(field: Field<T>, absent: T): Field<T> {
  return {
    ...field,
    absent,
    read: (reader) => (reader.remaining === 0 ? absent : field.read(reader)),
    write: (writer, value) => field.write(writer, value),
  };
}

/**
 * A uint32 count, then that many structures.
 *
 * @param minimumItemSize - the fewest bytes that one structure takes: bounds the count before anything is allocated
 * @param limit - most structures that are accepted
 */
export function list<S extends Fields>(
  item: S,
  minimumItemSize: number,
  limit: number,
): Field<readonly StructOf<S>[]> {
  return {
    kind: 'list',
    item,
    read: (reader) => {
      const count = reader.count(minimumItemSize);
      if (count > limit)
        throw reader.error(`${String(count)} items, at most ${String(limit)} are accepted`);
      const items: StructOf<S>[] = [];
      for (let i = 0; i < count; i++) items.push(readFields(item, reader));
      return items;
    },
    write: (writer, items) => {
      writer.uint32(items.length);
      for (const each of items) writeFields(item, writer, each);
    },
  };
}

/**
 * Structures up to the end of the message, without a count.
 *
 * @param limit - most structures that are accepted
 */
export function many<S extends Fields>(item: S, limit: number): Field<readonly StructOf<S>[]> {
  return {
    kind: 'list',
    item,
    read: (reader) => readMany(item, limit, reader),
    write: (writer, items) => {
      for (const each of items) writeFields(item, writer, each);
    },
  };
}

function readMany<S extends Fields>(item: S, limit: number, reader: Reader): StructOf<S>[] {
  const items: StructOf<S>[] = [];
  while (reader.remaining > 0) {
    if (items.length === limit)
      throw reader.error(`more than ${String(limit)} items, which is the most that is accepted`);
    items.push(readFields(item, reader));
  }
  return items;
}

/** Reads fields in their order into one object. */
export function readFields<S extends Fields>(fields: S, reader: Reader): StructOf<S> {
  const value: Record<string, unknown> = {};
  for (const name in fields) value[name] = fields[name]?.read(reader);
  return value as StructOf<S>;
}

/** Writes fields in their order. */
export function writeFields<S extends Fields>(fields: S, writer: Writer, value: StructOf<S>): void {
  for (const name in fields) fields[name]?.write(writer, value[name]);
}
