/** Buffers of what leaves: no two packets ever share bytes, and what is written is used again. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { OutgoingBatches } from '../../src/streams/outgoing-batches.ts';

const KIB = 1024;

interface Live {
  readonly view: Uint8Array;
  /** What was put into it: it must stand there until its write is done. */
  readonly mark: number;
}

const step = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 5000 }).map((length) => ({ length })) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 300 * KIB }).map((length) => ({ length })) },
  { weight: 3, arbitrary: fc.nat().map((release) => ({ release })) },
);

function overlap(a: Uint8Array, b: Uint8Array): boolean {
  return (
    a.buffer === b.buffer &&
    a.byteOffset < b.byteOffset + b.length &&
    b.byteOffset < a.byteOffset + a.length
  );
}

describe('OutgoingBatches', () => {
  it('gives room that nobody else has until it is given back, whatever the order of the writes', () => {
    const steps = fc.array(fc.tuple(fc.nat({ max: 1 }), step), { maxLength: 80 });
    fc.assert(
      fc.property(steps, (sequence) => {
        const connections = [new OutgoingBatches(), new OutgoingBatches()];
        const live: Live[][] = [[], []];
        let mark = 0;
        const release = (which: number, at: number): void => {
          const [given] = live[which]!.splice(at, 1);
          expect(given!.view.every((byte) => byte === given!.mark)).toBe(true);
          connections[which]!.release(given!.view);
        };
        for (const [which, action] of sequence) {
          if ('length' in action) {
            const view = connections[which]!.reserve(action.length);
            expect(view.length).toBe(action.length);
            expect(live.flat().filter((other) => overlap(other.view, view))).toEqual([]);
            mark = (mark + 1) & 0xff;
            live[which]!.push({ view: view.fill(mark), mark });
          } else if (live[which]!.length > 0) {
            release(which, action.release % live[which]!.length);
          }
          const bytes = live[which]!.reduce((sum, { view }) => sum + view.length, 0);
          expect(connections[which]!.pending).toBe(bytes);
        }
        for (const which of [0, 1]) {
          while (live[which]!.length > 0) release(which, 0);
          expect(connections[which]!.pending).toBe(0);
        }
      }),
    );
  });

  it('puts packets one behind the other, so that they leave in one write', () => {
    const batches = new OutgoingBatches();
    const [first, second] = [batches.reserve(100), batches.reserve(200)];
    expect(second.buffer).toBe(first.buffer);
    expect(second.byteOffset).toBe(first.byteOffset + 100);
    batches.release(new Uint8Array(first.buffer, first.byteOffset, 300));
    expect(batches.pending).toBe(0);
  });

  it('begins small, and goes over to a large buffer when that is full', () => {
    const batches = new OutgoingBatches();
    expect(batches.reserve(100).buffer.byteLength).toBe(4 * KIB);
    expect(batches.reserve(4 * KIB).buffer.byteLength).toBe(256 * KIB);
  });

  it('makes room for what is larger than any buffer', () => {
    expect(new OutgoingBatches().reserve(300 * KIB).length).toBe(300 * KIB);
  });

  it('uses a large buffer again when its writes are done, also for another connection', () => {
    const batches = new OutgoingBatches();
    const first = batches.reserve(32 * KIB);
    const { buffer } = first;
    batches.release(first);
    const again = batches.reserve(32 * KIB);
    expect(again.buffer).toBe(buffer);
    expect(again.byteOffset).toBe(0);
    batches.release(again);
    expect(new OutgoingBatches().reserve(32 * KIB).buffer).toBe(buffer);
  });

  it('does not use a buffer again while one write of it is not done', () => {
    const batches = new OutgoingBatches();
    const [first, second] = [batches.reserve(100 * KIB), batches.reserve(100 * KIB)];
    batches.release(second);
    const third = batches.reserve(100 * KIB);
    expect(third.buffer).not.toBe(first.buffer);
    expect(batches.pending).toBe(200 * KIB);
  });

  it('keeps no more than eight large buffers', () => {
    const connections = Array.from({ length: 12 }, () => new OutgoingBatches());
    const views = connections.map((batches) => batches.reserve(200 * KIB));
    const buffers = new Set(views.map((view) => view.buffer));
    expect(buffers.size).toBe(12);
    views.forEach((view, at) => connections[at]!.release(view));
    const again = connections.map((batches) => batches.reserve(200 * KIB).buffer);
    expect(again.filter((buffer) => buffers.has(buffer))).toHaveLength(8);
  });
});
