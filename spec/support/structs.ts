/** What holds for every structure that is declared as a table. */
import { expect } from '@jest/globals';
import fc from 'fast-check';
import type { Fields } from '../../src/wire/fields.ts';
import type { Struct } from '../../src/wire/struct.ts';
import { arbitraryStruct } from './arbitraries.ts';
import { damage, damaged, reading } from './damage.ts';

/** It is read as it was written, and refused when it is cut off or damaged: never anything but a `protocol` error. */
export function expectReadAsWritten(struct: Struct<Fields>): void {
  fc.assert(
    fc.property(arbitraryStruct(struct.fields), damage, (value, how) => {
      const bytes = struct.encode(value);
      expect(struct.decode(bytes)).toEqual(value);
      for (const wrong of [bytes.subarray(0, -1), damaged(bytes, how)]) {
        const read = reading(() => struct.decode(wrong));
        if (typeof read === 'string') expect(read).toBe('protocol');
      }
    }),
  );
}
