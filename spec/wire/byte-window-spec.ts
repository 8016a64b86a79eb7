import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ByteWindow } from '../../src/wire/byte-window.ts';
import { plainBytes, utf8Text } from '../../src/wire/bytes.ts';
import { Fifo } from '../../src/wire/fifo.ts';
import { utf8 } from '../support/marbles.ts';

describe('ByteWindow', () => {
  it('gives out what went in, in order, whatever the sizes', () => {
    const step = fc.oneof(
      fc.record({ append: fc.uint8Array({ maxLength: 3000 }) }),
      fc.record({ lend: fc.uint8Array({ maxLength: 3000 }) }),
      fc.constant({ keep: true as const }),
      fc.record({ take: fc.nat({ max: 3000 }) }),
      fc.constant({ settle: true as const }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const window = new ByteWindow();
        let model: number[] = [];
        let lent = new Uint8Array(0);
        for (const each of steps) {
          if ('append' in each) {
            window.append(each.append);
            lent.fill(0xaa);
            model = [...model, ...each.append];
          } else if ('lend' in each) {
            window.lend(each.lend);
            lent.fill(0xaa);
            lent = each.lend;
            model = [...model, ...lent];
          } else if ('keep' in each) {
            window.keep();
            lent.fill(0xaa);
          } else if ('take' in each) {
            const length = Math.min(each.take, window.length);
            expect([...window.peek(length)]).toEqual(model.slice(0, length));
            expect([...window.take(length)]).toEqual(model.slice(0, length));
            model = model.slice(length);
          } else {
            window.settle();
          }
          expect(window.length).toBe(model.length);
        }
        expect([...window.take(window.length)]).toEqual(model);
      }),
      { numRuns: 60 },
    );
  });

  it('copies chunks in', () => {
    const window = new ByteWindow();
    const chunk = utf8('abc');
    window.append(chunk);
    chunk.fill(0);
    expect(window.take(3)).toEqual(utf8('abc'));
  });

  it('keeps a view whole while nothing is appended, whoever else has a window', () => {
    const one = new ByteWindow();
    const other = new ByteWindow();
    const large = new Uint8Array(100_000).fill(1);
    one.append(large);
    const view = one.take(large.length);
    other.append(new Uint8Array(100_000).fill(2));
    expect(view.every((byte) => byte === 1)).toBe(true);
  });

  it('reads what lies whole in a lent chunk where it lies, and copies the rest of it', () => {
    const window = new ByteWindow();
    const chunk = utf8('abcdefgh');
    window.append(utf8('_'));
    window.lend(chunk);
    expect(window.take(3)).toEqual(utf8('_ab'));
    expect(window.take(4).buffer).toBe(chunk.buffer);
    window.keep();
    chunk.fill(0);
    expect(window.take(2)).toEqual(utf8('gh'));
  });

  it('stays small while it is filled and emptied', () => {
    const window = new ByteWindow();
    const chunk = new Uint8Array(1460);
    for (let i = 0; i < 10_000; i++) {
      window.append(chunk);
      while (window.length > 32_000) window.take(32_000);
    }
    expect(window.peek(0).buffer.byteLength).toBeLessThan(200_000);
  });
});

describe('Fifo', () => {
  it('behaves as an array', () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ push: fc.nat() }) },
      { weight: 4, arbitrary: fc.constant('shift' as const) },
      { weight: 1, arbitrary: fc.record({ unshift: fc.nat() }) },
      { weight: 1, arbitrary: fc.constantFrom('takeAll' as const, 'clear' as const) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const fifo = new Fifo<number>();
        let model: number[] = [];
        for (const each of steps) {
          if (each === 'shift') expect(fifo.shift()).toBe(model.shift());
          else if (each === 'takeAll') {
            expect(fifo.takeAll()).toEqual(model);
            model = [];
          } else if (each === 'clear') {
            fifo.clear();
            model = [];
          } else if ('push' in each) {
            fifo.push(each.push);
            model.push(each.push);
          } else {
            fifo.unshift(each.unshift);
            model.unshift(each.unshift);
          }
          expect([fifo.length, fifo.peek(), fifo.last()]).toEqual([
            model.length,
            model[0],
            model.at(-1),
          ]);
        }
      }),
    );
  });

  it('stays fast and small when it is long', () => {
    const fifo = new Fifo<number>();
    for (let i = 0; i < 200_000; i++) fifo.push(i);
    let sum = 0;
    const begun = process.cpuUsage();
    for (let i = 0; i < 200_000; i++) {
      sum += fifo.shift() ?? 0;
      fifo.push(i);
    }
    expect(process.cpuUsage(begun).user).toBeLessThan(500_000);
    expect(sum).toBe((200_000 * 199_999) / 2);
    expect(fifo.length).toBe(200_000);
  });
});

describe('plainBytes', () => {
  it('makes a plain view of a Buffer, and leaves plain bytes as they are', () => {
    const bytes = utf8('abc');
    expect(plainBytes(bytes)).toBe(bytes);
    const buffer = Buffer.from('xabcx').subarray(1, 4);
    const plain = plainBytes(buffer);
    expect(Buffer.isBuffer(plain)).toBe(false);
    expect(utf8Text(plain)).toBe('abc');
    buffer.fill(0x64);
    expect(utf8Text(plain)).toBe('ddd');
  });
});
