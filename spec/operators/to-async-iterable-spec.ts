import { describe, expect, it } from '@jest/globals';
import { concat, EMPTY, NEVER, Observable, of, range, Subject, throwError, timer } from 'rxjs';
import { deliver } from '../../src/operators/credit.ts';
import { toAsyncIterable } from '../../src/operators/to-async-iterable.ts';
import { toWebStream } from '../../src/operators/to-web-stream.ts';
import { count, Sender } from '../support/sender.ts';

async function collected<T>(values: AsyncIterable<T>): Promise<unknown[]> {
  const seen: unknown[] = [];
  try {
    for await (const value of values) seen.push(value);
    seen.push('end');
  } catch (error) {
    seen.push(error);
  }
  return seen;
}

function iteratorOf<T>(source: Observable<T>, highWaterMark?: number): AsyncIterator<T> {
  const options = highWaterMark === undefined ? {} : { highWaterMark };
  return toAsyncIterable(source, options)[Symbol.asyncIterator]();
}

describe('toAsyncIterable', () => {
  it('gives all values and ends', async () => {
    expect(await collected(toAsyncIterable(of(1, 2, 3)))).toEqual([1, 2, 3, 'end']);
    expect(await collected(toAsyncIterable(EMPTY))).toEqual(['end']);
    expect(await collected(toAsyncIterable(timer(0)))).toEqual([0, 'end']);
  });

  it('throws the error of the source once, behind the values before it', async () => {
    const source = concat(
      of(1),
      throwError(() => new Error('lost')),
    );
    expect(await collected(toAsyncIterable(source))).toEqual([1, new Error('lost')]);
    const iterator = iteratorOf(source);
    await iterator.next();
    await expect(iterator.next()).rejects.toThrow('lost');
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  it('ends with aborted behind the values that wait when a signal fires, and gives back all credit', async () => {
    const sender = new Sender(count(10), 3);
    const abort = new AbortController();
    const iterator = toAsyncIterable(sender.stream$, abort)[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: false, value: 0 });
    abort.abort();
    for (const value of [1, 2]) expect(await iterator.next()).toEqual({ done: false, value });
    await expect(iterator.next()).rejects.toMatchObject({ kind: 'aborted' });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(sender).toMatchObject({ isUnsubscribed: true, outstanding: 0 });
  });

  it('subscribes when it is first asked', async () => {
    let subscribed = 0;
    const source = new Observable<number>((subscriber) => {
      subscribed++;
      subscriber.complete();
    });
    const iterator = iteratorOf(source);
    expect(subscribed).toBe(0);
    await iterator.next();
    await iterator.next();
    expect(subscribed).toBe(1);
  });

  it('unsubscribes when the loop is left, and gives back all credit', async () => {
    const sender = new Sender(count(10), 3);
    for await (const value of toAsyncIterable(sender.stream$)) if (value === 1) break;
    expect(sender).toMatchObject({ isUnsubscribed: true, outstanding: 0 });
  });

  it('ends for those who wait when it is returned', async () => {
    const iterator = iteratorOf(NEVER);
    const waiting = [iterator.next(), iterator.next()];
    expect(await iterator.return?.()).toEqual({ done: true, value: undefined });
    expect(await Promise.all(waiting)).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
  });

  it('never subscribes when it is returned before it was asked', async () => {
    const sender = new Sender(count(1), 1);
    const iterator = iteratorOf(sender.stream$);
    await iterator.return?.();
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(sender.sent).toBe(0);
  });

  it('rejects with what is thrown into it, and lets go', async () => {
    const sender = new Sender(count(9), 2);
    const iterator = iteratorOf(sender.stream$);
    await iterator.next();
    await expect(iterator.throw?.(new Error('mine'))).rejects.toThrow('mine');
    expect(sender).toMatchObject({ isUnsubscribed: true, outstanding: 0 });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  it('holds the credit of a value until the next one is asked for', async () => {
    const sender = new Sender(count(3), 1);
    const iterator = iteratorOf(sender.stream$);
    for (let value = 0; value < 3; value++) {
      expect(await iterator.next()).toEqual({ done: false, value });
      expect(sender).toMatchObject({ sent: value + 1, acknowledged: value });
    }
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(sender.acknowledged).toBe(3);
  });

  it('is bounded by the window of the source, whatever the high-water mark', async () => {
    const sender = new Sender(count(100), 64);
    const iterator = iteratorOf(sender.stream$, 2);
    await iterator.next();
    expect(sender.sent).toBe(64);
    for (let i = 0; i < 10; i++) await iterator.next();
    expect(sender).toMatchObject({ sent: 74, outstanding: 64 });
    await iterator.return?.();
    expect(sender.outstanding).toBe(0);
  });

  it('answers readers that ask ahead in their order', async () => {
    const source$ = new Subject<number>();
    const iterator = iteratorOf(source$);
    const results = [iterator.next(), iterator.next(), iterator.next()];
    let acknowledged = 0;
    for (const value of [1, 2]) deliver(source$, value, () => acknowledged++);
    // both readers that have a value asked again
    expect(acknowledged).toBe(2);
    deliver(source$, 3, () => acknowledged++);
    expect(acknowledged).toBe(2);
    expect(await Promise.all(results)).toEqual([1, 2, 3].map((value) => ({ done: false, value })));
  });

  it('errors behind its values when a source without credit passes the high-water mark', async () => {
    const overflow = expect.objectContaining({ kind: 'overflow' });
    const iterator = iteratorOf(range(0, 10), 3);
    const seen: unknown[] = [];
    const rest = { [Symbol.asyncIterator]: () => iterator };
    seen.push(...(await collected(rest)));
    expect(seen).toEqual([0, 1, 2, 3, overflow]);
  });

  it('stops a synchronous source that never ends', async () => {
    const seen = await collected(
      toAsyncIterable(range(0, Number.POSITIVE_INFINITY), { highWaterMark: 2 }),
    );
    expect(seen.length).toBe(4);
  });

  it('copies bytes that are borrowed', async () => {
    const source$ = new Subject<Uint8Array>();
    const iterator = iteratorOf(source$);
    const first = iterator.next();
    const bytes = Uint8Array.of(1);
    deliver(source$, bytes, () => undefined, true);
    deliver(source$, bytes, () => undefined, true);
    bytes.fill(0);
    expect([await first, await iterator.next()]).toEqual(
      [1, 2].map(() => ({ done: false, value: Uint8Array.of(1) })),
    );
  });
});

describe('toWebStream', () => {
  it('gives all values and closes', async () => {
    const seen: number[] = [];
    for await (const value of toWebStream(of(1, 2, 3))) seen.push(value);
    expect(seen).toEqual([1, 2, 3]);
  });

  it('errors behind the values before the error', async () => {
    const reader = toWebStream(
      concat(
        of(1),
        throwError(() => new Error('lost')),
      ),
    ).getReader();
    expect(await reader.read()).toEqual({ done: false, value: 1 });
    await expect(reader.read()).rejects.toThrow('lost');
  });

  it('subscribes at the first read, reads nothing ahead, and cancels', async () => {
    const sender = new Sender(count(10), 1);
    const stream = toWebStream(sender.stream$);
    const reader = stream.getReader();
    await Promise.resolve();
    expect(sender.sent).toBe(0);
    await reader.read();
    expect(sender).toMatchObject({ sent: 1, acknowledged: 0 });
    await reader.read();
    expect(sender).toMatchObject({ sent: 2, acknowledged: 1 });
    await reader.cancel();
    expect(sender).toMatchObject({ isUnsubscribed: true, outstanding: 0 });
  });

  it('errors with overflow when a source without credit is faster', async () => {
    const reader = toWebStream(range(0, 10), { highWaterMark: 1 }).getReader();
    await reader.read();
    await reader.read();
    await expect(reader.read()).rejects.toMatchObject({ kind: 'overflow' });
  });
});
