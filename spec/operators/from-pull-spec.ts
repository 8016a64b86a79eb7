import { describe, expect, it } from '@jest/globals';
import { PassThrough, Readable } from 'node:stream';
import { lastValueFrom, take, toArray } from 'rxjs';
import { deliver, holdCredit, isDelivering, type Release } from '../../src/operators/credit.ts';
import { fromPull, type Pullable } from '../../src/operators/from-pull.ts';
import { marbles } from '../support/marbles.ts';
import { count } from '../support/sender.ts';

/** Lets everything happen that needs no more than the turns of the event loop. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

async function* asyncCount(end: number): AsyncGenerator<number, void> {
  yield* count(end);
}

function webCount(end: number): ReadableStream<number> {
  const values = count(end);
  return new ReadableStream<number>(
    {
      pull(controller): void {
        const next = values.next();
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
    },
    { highWaterMark: 0 },
  );
}

const kinds: [string, (end: number) => Pullable<number>][] = [
  ['an iterable', count],
  ['an async iterable', asyncCount],
  ['a web stream', webCount],
  ['a Node stream', (end) => Readable.from(count(end)) as AsyncIterable<number>],
];

describe('fromPull', () => {
  it.each(kinds)('emits all values of %s and completes', async (_name, source) => {
    expect(await lastValueFrom(fromPull(source(5)).pipe(toArray()))).toEqual([0, 1, 2, 3, 4]);
    expect(await lastValueFrom(fromPull(source(0)).pipe(toArray()))).toEqual([]);
  });

  it.each(kinds)(
    'asks %s for the next value when the credit has returned',
    async (_name, source) => {
      const seen: number[] = [];
      let release: Release = () => undefined;
      let isComplete = false;
      fromPull(source(3)).subscribe({
        next: (value) => {
          seen.push(value);
          release = holdCredit();
        },
        complete: () => (isComplete = true),
      });
      for (let value = 0; value < 3; value++) {
        await settled();
        expect(seen).toEqual([...count(value + 1)]);
        expect(isComplete).toBe(false);
        release();
      }
      await settled();
      expect(isComplete).toBe(true);
    },
  );

  it.each(kinds)('lets go of %s when it is unsubscribed early', async (_name, source) => {
    const values = await lastValueFrom(fromPull(source(1000)).pipe(take(3), toArray()));
    expect(values).toEqual([0, 1, 2]);
  });

  it('asks synchronously what answers synchronously, without growing the stack', () => {
    let sum = 0;
    fromPull(count(200_000)).subscribe((value) => (sum += value));
    expect(sum).toBe((200_000 * 199_999) / 2);
  });

  it('is cold, and asks for an iterator at each subscription', () => {
    let asked = 0;
    const values$ = fromPull({
      [Symbol.iterator]: () => {
        asked++;
        return count(2);
      },
    });
    expect(asked).toBe(0);
    values$.subscribe();
    values$.subscribe();
    expect(asked).toBe(2);
  });

  it('takes a string as its characters, as every iterable', async () => {
    expect(await lastValueFrom(fromPull('abc').pipe(toArray()))).toEqual(['a', 'b', 'c']);
  });

  describe('errors', () => {
    it('with what an iterator throws, and calls no return then', () => {
      let returned = 0;
      const source: Iterable<number> = {
        [Symbol.iterator]: () => ({
          next: () => {
            throw new Error('broken');
          },
          return: () => {
            returned++;
            return { done: true, value: undefined };
          },
        }),
      };
      marbles(({ expectObservable }) => {
        expectObservable(fromPull(source)).toBe('#', undefined, new Error('broken'));
      });
      expect(returned).toBe(0);
    });

    it('with what Symbol.iterator throws', () => {
      const source: Iterable<number> = {
        [Symbol.iterator]: () => {
          throw new Error('none');
        },
      };
      marbles(({ expectObservable }) => {
        expectObservable(fromPull(source)).toBe('#', undefined, new Error('none'));
      });
    });

    it('with what an async iterable rejects with, behind its values', async () => {
      async function* source(): AsyncGenerator<number, void> {
        yield 1;
        throw new Error('broken');
      }
      const seen: unknown[] = [];
      await new Promise<void>((resolve) => {
        fromPull(source()).subscribe({
          next: (value) => seen.push(value),
          error: (error: unknown) => {
            seen.push(error);
            resolve();
          },
        });
      });
      expect(seen).toEqual([1, new Error('broken')]);
    });

    it('with the error of a web stream', async () => {
      const source = new ReadableStream<number>({
        start: (controller) => controller.error(new Error('broken')),
      });
      await expect(lastValueFrom(fromPull(source))).rejects.toThrow('broken');
    });

    it('with the error of a Node stream', async () => {
      const source = new PassThrough();
      const failed = expect(lastValueFrom(fromPull(source))).rejects.toThrow('broken');
      source.destroy(new Error('broken'));
      await failed;
    });
  });

  describe('unsubscribed early', () => {
    it('calls return of a synchronous iterator', () => {
      let isReturned = false;
      function* source(): Generator<number, void> {
        try {
          yield* count(10);
        } finally {
          isReturned = true;
        }
      }
      fromPull(source()).pipe(take(2)).subscribe();
      expect(isReturned).toBe(true);
    });

    it('does not call return after completion', () => {
      let returned = 0;
      const iterator: Iterator<number> = {
        next: () => ({ done: true, value: undefined }),
        return: () => {
          returned++;
          return { done: true, value: undefined };
        },
      };
      fromPull({ [Symbol.iterator]: () => iterator })
        .subscribe()
        .unsubscribe();
      expect(returned).toBe(0);
    });

    it('does not mind a return that throws, rejects or is not there', async () => {
      const next = (): IteratorResult<number> => ({ done: false, value: 1 });
      const throws = (): never => {
        throw new Error('return throws');
      };
      const rejects = (): Promise<never> => Promise.reject(new Error('return rejects'));
      const sources: Pullable<number>[] = [
        { [Symbol.iterator]: () => ({ next, return: throws }) },
        { [Symbol.iterator]: () => ({ next }) },
        { [Symbol.asyncIterator]: () => ({ next: async () => next(), return: rejects }) },
        { [Symbol.asyncIterator]: () => ({ next: async () => next() }) },
      ];
      for (const source of sources) {
        const subscription = fromPull(source).subscribe(() => holdCredit());
        expect(() => subscription.unsubscribe()).not.toThrow();
      }
      await settled();
    });

    it('passes over a value and an error that come too late', async () => {
      const seen: unknown[] = [];
      for (const late of [
        Promise.resolve({ done: false, value: 1 }),
        Promise.reject(new Error('late')),
      ]) {
        const source = {
          [Symbol.asyncIterator]: () => ({ next: () => late }),
        } as AsyncIterable<number>;
        fromPull(source)
          .subscribe((value) => seen.push(value))
          .unsubscribe();
      }
      await settled();
      expect(seen).toEqual([]);
    });

    it('cancels a web stream that it waits for, and unlocks it', async () => {
      let isCancelled = false;
      const source = new ReadableStream<number>({ cancel: () => void (isCancelled = true) });
      const subscription = fromPull(source).subscribe();
      await settled();
      expect(source.locked).toBe(true);
      subscription.unsubscribe();
      await settled();
      expect(isCancelled).toBe(true);
      expect(source.locked).toBe(false);
    });

    it('destroys a Node stream that it waits for', async () => {
      const source = new PassThrough();
      const subscription = fromPull(source).subscribe();
      await settled();
      subscription.unsubscribe();
      expect(source.destroyed).toBe(true);
      await settled();
    });
  });

  it('asks outside of a delivery in which its credit returns', () => {
    const inside: boolean[] = [];
    const releases: Release[] = [];
    const source = function* (): Generator<number, void> {
      for (;;) {
        inside.push(isDelivering());
        yield 1;
      }
    };
    const subscription = fromPull(source()).subscribe(() => releases.push(holdCredit()));
    let acknowledged = 0;
    deliver({ next: () => releases[0]?.() }, 'foreign', () => acknowledged++);
    subscription.unsubscribe();
    expect(acknowledged).toBe(1);
    expect(inside).toEqual([false, false]);
  });
});
