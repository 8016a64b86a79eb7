import { describe, expect, it } from '@jest/globals';
import { map, NEVER, timer } from 'rxjs';
import { batch } from '../../src/operators/batch.ts';
import { holdCredit, type Release } from '../../src/operators/credit.ts';
import { drain } from '../../src/operators/drain.ts';
import { fromPull } from '../../src/operators/from-pull.ts';
import { marbles, ofKind } from '../support/marbles.ts';
import { count, Sender } from '../support/sender.ts';

describe('batch', () => {
  it('passes on empty, never and error', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('---|').pipe(batch(2))).toBe('---|');
      expectObservable(cold('----').pipe(batch(2))).toBe('----');
      expectObservable(cold('---#').pipe(batch(2))).toBe('---#');
    });
  });

  it('emits full batches, and the rest at completion', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('a-b-c-|').pipe(batch(2))).toBe('--x---(y|)', {
        x: ['a', 'b'],
        y: ['c'],
      });
      expectObservable(cold('a-b---|').pipe(batch(2))).toBe('--x---|', { x: ['a', 'b'] });
    });
  });

  it('emits the rest before an error', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('a-b-c-#').pipe(batch(2))).toBe('--x---(y#)', {
        x: ['a', 'b'],
        y: ['c'],
      });
    });
  });

  it('emits what it has when the first value has waited long enough', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('a-b-c-d-------e------|').pipe(batch(10, { maxWait: 5 }))).toBe(
        '-----x-----y-------z-|',
        { x: ['a', 'b', 'c'], y: ['d'], z: ['e'] },
      );
    });
  });

  it('begins to wait anew with each batch', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('a-bc---------|').pipe(batch(2, { maxWait: 5 }))).toBe(
        '--x-----y----|',
        { x: ['a', 'b'], y: ['c'] },
      );
    });
  });

  it('does not emit when it was unsubscribed', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a-b-c-');
      expectObservable(source.pipe(batch(9, { maxWait: 5 })), '---!').toBe('----');
      expectSubscriptions(source.subscriptions).toBe('^--!');
    });
  });

  it.each([0, -3, Number.NaN])('refuses a size of %s', (size) => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('a').pipe(batch(size))).toBe('#', undefined, ofKind('config'));
    });
  });

  describe('credit', () => {
    it('fills a batch larger than the window of the source', () => {
      const seen: number[][] = [];
      fromPull(count(25))
        .pipe(batch(10))
        .subscribe((values) => seen.push(values));
      expect(seen.map((values) => values.length)).toEqual([10, 10, 5]);
    });

    it('is held from the batch on that is not acknowledged', () => {
      const releases: Release[] = [];
      const sender = new Sender(count(100), 3);
      const subscription = sender.stream$
        .pipe(batch(10))
        .subscribe(() => releases.push(holdCredit()));
      // ten were let go to fill the batch, the last of them is held, and two more are out
      expect(sender).toMatchObject({ sent: 12, outstanding: 3 });
      releases[0]?.();
      // the two that were out are held now with their batch, and the one that filled it
      expect(sender).toMatchObject({ sent: 20, outstanding: 3 });
      subscription.unsubscribe();
      expect(sender.outstanding).toBe(0);
    });

    it('bounds what waits for a slow end to the window and one batch', () => {
      marbles(({ flush }) => {
        const sender = new Sender(count(1000), 7);
        let working = 0;
        let most = 0;
        let done = 0;
        sender.stream$
          .pipe(
            batch(20),
            drain((values) => {
              working += values.length;
              most = Math.max(most, sender.sent - done);
              return timer(10).pipe(map(() => values.length));
            }),
          )
          .subscribe((length) => (done += length));
        flush();
        expect(done).toBe(1000);
        expect(working).toBe(1000);
        expect(most).toBeLessThanOrEqual(20 + 7);
        expect(sender.outstanding).toBe(0);
      });
    });

    it('returns at unsubscription, for batches that nobody has released and for the rest', () => {
      const sender = new Sender(count(100), 9);
      const subscription = sender.stream$
        .pipe(
          batch(2),
          drain(() => NEVER),
        )
        .subscribe();
      expect(sender.outstanding).toBe(9);
      subscription.unsubscribe();
      expect(sender.outstanding).toBe(0);
    });
  });
});
