/** Arbitrary messages, from the fields of their rows. */
import fc from 'fast-check';
import { ALL_MESSAGES, type Message } from '../../src/messages/catalogue.ts';
import type { FileAttributes } from '../../src/sftp/attributes.ts';
import type { Field, Fields } from '../../src/wire/fields.ts';
import type { MessageRow } from '../../src/wire/message.ts';

const wellFormedText = fc.string({ unit: 'binary', maxLength: 40 });
const printable = fc.string({
  unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
  maxLength: 40,
});
const name = fc.string({
  unit: fc
    .integer({ min: 0x21, max: 0x7e })
    .filter((code) => code !== 0x2c)
    .map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 64,
});

/** What a field may hold. */
export function arbitraryOf(field: Field<unknown>): fc.Arbitrary<unknown> {
  switch (field.kind) {
    case 'byte':
      return fc.integer({ min: 0, max: 255 });
    case 'boolean':
      return fc.boolean();
    case 'uint32':
      return fc.integer({ min: 0, max: 0xffff_ffff });
    case 'uint64':
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    case 'string':
    case 'rest':
      return fc.uint8Array({ maxLength: 100 });
    case 'utf8':
    case 'text':
      return wellFormedText;
    case 'ascii':
      return printable;
    case 'mpint':
      return fc.bigInt({ min: -(2n ** 300n), max: 2n ** 300n });
    case 'nameList':
      return fc.array(name, { maxLength: 8 });
    case 'fixed':
      return fc.uint8Array({ minLength: field.size ?? 0, maxLength: field.size ?? 0 });
    case 'list':
      return fc.array(arbitraryStruct(field.item ?? {}), { maxLength: 5 });
    case 'attributes':
      return arbitraryAttributes;
  }
}

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });

/** Attributes of a file, all or some of them. */
export const arbitraryAttributes: fc.Arbitrary<FileAttributes> = fc
  .record({
    size: fc.option(fc.record({ size: fc.maxSafeNat() }), { nil: {} }),
    owner: fc.option(fc.record({ uid: uint32, gid: uint32 }), { nil: {} }),
    permissions: fc.option(fc.record({ permissions: uint32 }), { nil: {} }),
    times: fc.option(fc.record({ atime: uint32, mtime: uint32 }), { nil: {} }),
    extended: fc.option(
      fc.record({
        extended: fc.array(
          fc.record({ type: wellFormedText, data: fc.uint8Array({ maxLength: 20 }) }),
          { maxLength: 3 },
        ),
      }),
      { nil: {} },
    ),
  })
  .map((parts) => Object.assign({}, ...Object.values(parts)) as FileAttributes);

/** What a structure of these fields may be. */
export function arbitraryStruct(fields: Fields): fc.Arbitrary<Record<string, unknown>> {
  return fc.record(
    Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, arbitraryOf(field)])),
  );
}

/** What a message of this row may be. */
export function arbitraryMessage(row: MessageRow): fc.Arbitrary<Message> {
  return arbitraryStruct(row.fields).map(
    (fields) => ({ type: row.type, ...fields }) as unknown as Message,
  );
}

/** Any message. */
export const anyMessage: fc.Arbitrary<Message> = fc.oneof(...ALL_MESSAGES.map(arbitraryMessage));

/** Ways to cut so many bytes into chunks: the sizes, one after the other and over again. */
export const chunkSizes: fc.Arbitrary<readonly number[]> = fc.array(
  fc.integer({ min: 1, max: 70 }),
  {
    minLength: 1,
    maxLength: 8,
  },
);

/** `bytes` in chunks of these sizes. */
export function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    chunks.push(bytes.slice(at, at + size));
    at += size;
  }
  return chunks;
}
