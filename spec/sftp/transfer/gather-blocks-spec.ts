import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { from, Subject } from 'rxjs';
import { deliver, holdCredit, type Release } from '../../../src/operators/credit.ts';
import { LARGEST_DATA } from '../../../src/sftp/packets.ts';
import { gatherBlocks } from '../../../src/sftp/transfer/gather-blocks.ts';
import { concatBytes } from '../../../src/wire/bytes.ts';

const CHUNK = 32_768;

/** A consumer that keeps the credit of every block. */
class Slow {
  readonly blocks: Uint8Array[] = [];
  readonly held: Release[] = [];
  readonly ends: unknown[] = [];
  acknowledged = 0;
  sent = 0;
  readonly source = new Subject<Uint8Array>();
  readonly subscription = this.source.pipe(gatherBlocks()).subscribe({
    next: (block) => {
      this.blocks.push(block.slice());
      this.held.push(holdCredit());
    },
    error: (error: unknown) => this.ends.push(error),
    complete: () => this.ends.push('complete'),
  });

  send(fill: number, length = CHUNK): void {
    this.sent++;
    deliver(this.source, new Uint8Array(length).fill(fill), () => this.acknowledged++);
  }
}

describe('gatherBlocks', () => {
  it('gives the same bytes in full blocks and a rest, whatever the chunks', () => {
    const lengths = fc.array(fc.nat({ max: 300_000 }), { maxLength: 12 });
    fc.assert(
      fc.property(lengths, (all) => {
        const chunks = all.map((length, index) => new Uint8Array(length).fill(index + 1));
        const blocks: Uint8Array[] = [];
        let ends = 0;
        from(chunks)
          .pipe(gatherBlocks())
          .subscribe({ next: (block) => blocks.push(block.slice()), complete: () => ends++ });
        expect(ends).toBe(1);
        expect(Buffer.compare(concatBytes(blocks), concatBytes(chunks))).toBe(0);
        for (const block of blocks.slice(0, -1)) expect(block.length).toBe(LARGEST_DATA);
      }),
      { numRuns: 30 },
    );
  });

  it('takes no more than four blocks for a consumer that keeps them, and holds the credit of the rest', () => {
    const slow = new Slow();
    for (let chunk = 0; chunk < 40; chunk++) slow.send(chunk);
    expect(slow.blocks).toHaveLength(4);
    const taken = Math.floor((4 * LARGEST_DATA) / CHUNK);
    expect(slow.acknowledged).toBe(taken);
    slow.source.complete();
    expect(slow.ends).toEqual([]);
    while (slow.held.length > 0) slow.held.shift()?.();
    expect(slow.acknowledged).toBe(40);
    expect(slow.ends).toEqual(['complete']);
    expect(concatBytes(slow.blocks).length).toBe(40 * CHUNK);
    expect(concatBytes(slow.blocks)[40 * CHUNK - 1]).toBe(39);
  });

  it('emits what it has before an error', () => {
    const slow = new Slow();
    slow.send(1, 10);
    slow.source.error(new Error('lost'));
    expect(slow.blocks.map(({ length }) => length)).toEqual([10]);
    expect(slow.ends).toMatchObject([{ message: 'lost' }]);
  });

  it('gives all credit back when nobody wants the blocks any more', () => {
    const slow = new Slow();
    for (let chunk = 0; chunk < 40; chunk++) slow.send(chunk);
    slow.subscription.unsubscribe();
    expect(slow.acknowledged).toBe(40);
  });
});
