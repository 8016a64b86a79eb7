import { describe, expect, it } from '@jest/globals';
import { VirtualTimeScheduler } from 'rxjs';
import { holdCredit, type Release } from '../../src/operators/credit.ts';
import { memoryPair } from '../../src/streams/memory-pair.ts';
import { utf8 } from '../support/marbles.ts';

/** What happens at which virtual millisecond. */
function timeline(scheduler: VirtualTimeScheduler): { at: string[]; note(what: string): void } {
  const at: string[] = [];
  return { at, note: (what) => void at.push(`${String(scheduler.now())}: ${what}`) };
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

describe('memoryPair', () => {
  it('takes its latency for each piece, whenever it was written', () => {
    const scheduler = new VirtualTimeScheduler();
    const { at, note } = timeline(scheduler);
    const [near, far] = memoryPair({ latency: 50, scheduler });
    far.readable$.subscribe({ next: (bytes) => note(text(bytes)), complete: () => note('end') });
    near.write(utf8('a'), () => note('a done'));
    near.write(utf8('b'), () => note('b done'));
    scheduler.schedule(() => near.write(utf8('c'), () => note('c done')), 20);
    scheduler.schedule(() => near.end(), 30);
    scheduler.flush();
    expect(at).toEqual([
      '50: a',
      '50: a done',
      '50: b',
      '50: b done',
      '70: c',
      '70: c done',
      '80: end',
    ]);
  });

  it('hands what has arrived to a late reader at once', () => {
    const scheduler = new VirtualTimeScheduler();
    const { at, note } = timeline(scheduler);
    const [near, far] = memoryPair({ latency: 10, scheduler });
    for (const word of ['a', 'b']) near.write(utf8(word), () => undefined);
    near.end();
    scheduler.schedule(() => {
      far.readable$.subscribe({ next: (bytes) => note(text(bytes)), complete: () => note('end') });
    }, 100);
    scheduler.flush();
    expect(at).toEqual(['100: a', '100: b', '100: end']);
  });

  it('cuts into pieces, and is done with a write at the last one', () => {
    const scheduler = new VirtualTimeScheduler();
    const { at, note } = timeline(scheduler);
    const [near, far] = memoryPair({ chunk: 2, scheduler });
    far.readable$.subscribe((bytes) => note(text(bytes)));
    near.write(utf8('abcde'), () => note('done'));
    scheduler.flush();
    expect(at).toEqual(['0: ab', '0: cd', '0: e', '0: done']);
  });

  it('lets writes wait while more than its credit is out', () => {
    const scheduler = new VirtualTimeScheduler();
    const releases: Release[] = [];
    let done = 0;
    const [near, far] = memoryPair({ credit: 4, scheduler });
    const received: string[] = [];
    far.readable$.subscribe((bytes) => {
      received.push(text(bytes));
      releases.push(holdCredit());
    });
    for (const word of ['ab', 'cd', 'ef', 'gh']) near.write(utf8(word), () => done++);
    scheduler.flush();
    expect([done, received]).toEqual([2, ['ab']]);
    releases.shift()?.();
    scheduler.flush();
    expect([done, received]).toEqual([3, ['ab', 'cd']]);
    while (releases.length > 0) {
      releases.shift()?.();
      scheduler.flush();
    }
    expect([done, received]).toEqual([4, ['ab', 'cd', 'ef', 'gh']]);
  });

  it('takes a chunk back when next has returned', () => {
    const scheduler = new VirtualTimeScheduler();
    const [near, far] = memoryPair({ scheduler });
    const kept: Uint8Array[] = [];
    far.readable$.subscribe((bytes) => kept.push(bytes));
    near.write(utf8('ab'), () => undefined);
    scheduler.flush();
    expect(kept).toEqual([Uint8Array.of(0xdb, 0xdb)]);
  });

  it('copies what is written, also out of a Buffer', () => {
    const scheduler = new VirtualTimeScheduler();
    const [near, far] = memoryPair({ scheduler });
    const received: string[] = [];
    far.readable$.subscribe((bytes) => received.push(text(bytes)));
    for (const bytes of [utf8('ab'), Buffer.from('cd')]) {
      near.write(bytes, () => undefined);
      bytes.fill(0);
    }
    scheduler.flush();
    expect(received).toEqual(['ab', 'cd']);
  });
});
