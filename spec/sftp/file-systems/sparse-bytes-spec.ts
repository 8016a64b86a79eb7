import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SparseBytes } from '../../../src/sftp/file-systems/sparse-bytes.ts';

const step = fc.oneof(
  fc.record({
    type: fc.constant('write' as const),
    at: fc.oneof(fc.nat(300), fc.integer({ min: 65_000, max: 140_000 })),
    bytes: fc.uint8Array({ maxLength: 300 }),
  }),
  fc.record({
    type: fc.constant('resize' as const),
    at: fc.nat(150_000),
    bytes: fc.constant(new Uint8Array(0)),
  }),
);

it('is what one array of bytes would be, and costs what it says', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const sparse = new SparseBytes();
      let model = new Uint8Array(0);
      for (const { type, at, bytes } of steps) {
        const size =
          type === 'resize' ? at : Math.max(model.length, bytes.length > 0 ? at + bytes.length : 0);
        const next = new Uint8Array(size);
        next.set(model.subarray(0, size));
        if (type === 'write') {
          const { allocated } = sparse;
          const cost = sparse.cost(at, bytes.length);
          sparse.write(bytes, at);
          next.set(bytes, bytes.length > 0 ? at : 0);
          expect(sparse.allocated - allocated).toBe(cost);
        } else sparse.resize(at);
        model = next;
        expect(sparse.size).toBe(model.length);
      }
      const read = new Uint8Array(150_001).fill(7);
      expect(sparse.read(read, 0)).toBe(model.length);
      expect(Buffer.compare(read.subarray(0, model.length), model)).toBe(0);
    }),
    { numRuns: 100 },
  );
});

it('takes no room for holes', () => {
  const sparse = new SparseBytes();
  sparse.write(Uint8Array.of(1), 6 * 2 ** 30);
  sparse.resize(2 ** 50);
  expect(sparse.allocated).toBeLessThan(1024);
  const read = new Uint8Array(3);
  expect(sparse.read(read, 6 * 2 ** 30 - 1)).toBe(3);
  expect(read).toEqual(Uint8Array.of(0, 1, 0));
  sparse.resize(0);
  expect(sparse.allocated).toBe(0);
});
