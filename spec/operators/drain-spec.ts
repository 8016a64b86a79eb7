import { describe, expect, it } from '@jest/globals';
import {
  EMPTY,
  from,
  map,
  NEVER,
  type Observable,
  of,
  range,
  Subject,
  take,
  throwError,
  timer,
} from 'rxjs';
import { deliver, holdCredit, isDelivering, type Release } from '../../src/operators/credit.ts';
import { drain } from '../../src/operators/drain.ts';
import { marbles, ofKind } from '../support/marbles.ts';
import { count, Sender } from '../support/sender.ts';

const slow =
  (milliseconds: number) =>
  (value: string): Observable<string> =>
    timer(milliseconds).pipe(map(() => value));

describe('drain', () => {
  it('passes on empty, never and error', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('---|').pipe(drain(slow(1)))).toBe('---|');
      expectObservable(cold('----').pipe(drain(slow(1)))).toBe('----');
      expectObservable(cold('---#').pipe(drain(slow(1)))).toBe('---#');
    });
  });

  it('runs one inner source at a time, in order', () => {
    marbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const a = cold('  --1-2|');
      const b = cold('  -3|');
      const source = hot('-ab--------|');
      const expected = ' ---1-2-3---|';
      const inner: Record<string, typeof a> = { a, b };
      expectObservable(source.pipe(drain((name) => inner[name] ?? EMPTY))).toBe(expected);
      expectSubscriptions(a.subscriptions).toBe('-^----!');
      expectSubscriptions(b.subscriptions).toBe('------^-!');
    });
  });

  it('runs as many as it may', () => {
    marbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const source = hot('abc------|');
      const inner = cold(' ---x|');
      expectObservable(source.pipe(drain(() => inner, { concurrency: 2 }))).toBe('---xx--x-|');
      expectSubscriptions(inner.subscriptions).toBe(['^---!', '-^---!', '----^---!']);
    });
  });

  it('gives the project the index', () => {
    const seen: [string, number][] = [];
    from('abc')
      .pipe(drain((value, index) => of<[string, number]>([value, index])))
      .subscribe((each) => seen.push(each));
    expect(seen).toEqual([
      ['a', 0],
      ['b', 1],
      ['c', 2],
    ]);
  });

  it('lets completion wait for what is queued and running', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('(abc|)').pipe(drain(slow(2)))).toBe('--a-b-(c|)');
    });
  });

  it('lets an error of the source wait for what is queued and running', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('(abc#)').pipe(drain(slow(2)))).toBe('--a-b-(c#)');
      expectObservable(cold('(abc#)').pipe(drain(slow(2), { concurrency: 3 }))).toBe('--(abc#)');
    });
  });

  it('errors at once when an inner source does, and unsubscribes the source and the others', () => {
    marbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const source = hot('ab-----c--|');
      const broken = cold('-----#');
      const other = cold('--------x|');
      const inner: Record<string, typeof broken> = { a: broken, b: other };
      expectObservable(source.pipe(drain((name) => inner[name] ?? EMPTY, { concurrency: 2 }))).toBe(
        '-----#',
      );
      expectSubscriptions(source.subscriptions).toBe('^----!');
      expectSubscriptions(other.subscriptions).toBe('-^---!');
    });
  });

  it('errors when the project throws, at once or behind another value', () => {
    marbles(({ cold, expectObservable }) => {
      const project = (value: string): Observable<string> => {
        if (value === 'b') throw new Error('no b');
        return slow(2)(value);
      };
      expectObservable(cold('(ab)').pipe(drain(project))).toBe(
        '--(a#)',
        undefined,
        new Error('no b'),
      );
      expectObservable(cold('b').pipe(drain(project))).toBe('#', undefined, new Error('no b'));
    });
  });

  it('errors when the project gives nothing that can be subscribed', () => {
    marbles(({ cold, expectObservable }) => {
      const project = (() => 5) as unknown as () => Observable<string>;
      const drained = cold('a').pipe(
        drain(project),
        map(() => 'x'),
      );
      const error = new TypeError(
        "You provided '5' where a stream was expected. You can provide an Observable, Promise, ReadableStream, Array, AsyncIterable, or Iterable.",
      );
      expectObservable(drained).toBe('#', undefined, error);
    });
  });

  it.each([0, -1, Number.NaN])('refuses a concurrency of %s', (concurrency) => {
    marbles(({ cold, expectObservable }) => {
      const source = cold('a');
      expectObservable(source.pipe(drain(() => NEVER, { concurrency }))).toBe(
        '#',
        undefined,
        ofKind('config'),
      );
    });
  });

  it('unsubscribes source and inner sources when it is unsubscribed', () => {
    marbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const source = hot('ab----');
      const inner = cold('  --x--x');
      const unsub = '     ---!';
      expectObservable(source.pipe(drain(() => inner)), unsub).toBe('--x-');
      expectSubscriptions(source.subscriptions).toBe('^--!');
      expectSubscriptions(inner.subscriptions).toBe('^--!');
    });
  });

  it('stops a synchronous inner source when nobody listens any more', () => {
    const seen: number[] = [];
    of(1)
      .pipe(
        drain(() => range(0, Number.POSITIVE_INFINITY)),
        take(3),
      )
      .subscribe((value) => seen.push(value));
    expect(seen).toEqual([0, 1, 2]);
  });

  it('does not subscribe an inner source whose project has unsubscribed', () => {
    let subscribed = 0;
    const source$ = new Subject<string>();
    const subscription = source$
      .pipe(
        drain(() => {
          subscription.unsubscribe();
          return new Subject<string>().pipe(map(() => subscribed++));
        }),
      )
      .subscribe();
    source$.next('a');
    expect(subscribed).toBe(0);
    expect(source$.observed).toBe(false);
  });

  it('does not grow the stack with the queue', () => {
    let done = 0;
    range(0, 50_000)
      .pipe(drain((value) => of(value)))
      .subscribe(() => done++);
    expect(done).toBe(50_000);
    marbles(({ flush }) => {
      const gate = new Subject<void>();
      let behind = 0;
      range(0, 50_000)
        .pipe(drain((value) => (value === 0 ? gate : of(value))))
        .subscribe(() => behind++);
      gate.complete();
      flush();
      expect(behind).toBe(49_999);
    });
  });

  it('takes values that its own output brings about, in their order', () => {
    const source$ = new Subject<number>();
    const seen: number[] = [];
    source$.pipe(drain((value) => of(value))).subscribe((value) => {
      if (value < 3) source$.next(value + 1);
      seen.push(value);
    });
    source$.next(0);
    expect(seen).toEqual([0, 1, 2, 3]);
  });

  describe('credit', () => {
    it('returns when the inner source has completed and its values are acknowledged', () => {
      const inner$ = new Subject<string>();
      const releases: Release[] = [];
      let acknowledged = 0;
      const source$ = new Subject<number>();
      source$.pipe(drain(() => inner$)).subscribe(() => releases.push(holdCredit()));
      deliver(source$, 1, () => acknowledged++);
      inner$.next('x');
      inner$.next('y');
      releases[0]?.();
      inner$.complete();
      expect(acknowledged).toBe(0);
      releases[1]?.();
      expect(acknowledged).toBe(1);
    });

    it('returns at the completion of an inner source that emits nothing', () => {
      const inner$ = new Subject<string>();
      const sender = new Sender(count(3), 1);
      sender.stream$.pipe(drain(() => inner$)).subscribe();
      expect(sender).toMatchObject({ sent: 1, acknowledged: 0 });
      inner$.complete();
      expect(sender.acknowledged).toBe(3);
    });

    it('keeps the credit of inner values: they are delivered as they were', () => {
      let acknowledged = 0;
      const inner$ = new Subject<string>();
      const releases: Release[] = [];
      of(1)
        .pipe(drain(() => inner$))
        .subscribe(() => releases.push(holdCredit()));
      deliver(inner$, 'x', () => acknowledged++);
      expect(acknowledged).toBe(0);
      releases[0]?.();
      expect(acknowledged).toBe(1);
    });

    it('is not given to what the project does', () => {
      let inside = true;
      const sender = new Sender(count(1), 1);
      sender.stream$
        .pipe(
          drain(() => {
            inside = isDelivering();
            holdCredit();
            return EMPTY;
          }),
        )
        .subscribe();
      expect(inside).toBe(false);
      expect(sender.acknowledged).toBe(1);
    });

    it('returns for values that wait when the source has been unsubscribed', () => {
      const sender = new Sender(count(10), 5);
      const subscription = sender.stream$.pipe(drain(() => NEVER)).subscribe();
      expect(sender.outstanding).toBe(5);
      subscription.unsubscribe();
      expect(sender).toMatchObject({ outstanding: 0, sent: 5 });
    });

    it('returns when an inner source errors', () => {
      const sender = new Sender(count(10), 5);
      let error: unknown;
      sender.stream$
        .pipe(drain((value) => (value === 0 ? throwError(() => new Error('inner')) : NEVER)))
        .subscribe({ error: (each: unknown) => (error = each) });
      expect(error).toEqual(new Error('inner'));
      expect(sender.outstanding).toBe(0);
    });

    it('is held for an end that comes before the last values are acknowledged', () => {
      const releases: Release[] = [];
      const sender = new Sender(count(2), 3);
      let isComplete = false;
      sender.stream$.pipe(drain((value) => of(value))).subscribe({
        next: () => releases.push(holdCredit()),
        complete: () => (isComplete = true),
      });
      expect(isComplete).toBe(true);
      expect(sender.outstanding).toBe(2);
      for (const release of releases) release();
      expect(sender.outstanding).toBe(0);
    });

    it('copies bytes that are borrowed before they wait', () => {
      const gate$ = new Subject<void>();
      const seen: Uint8Array[] = [];
      const bytes = Uint8Array.of(1, 2);
      const source$ = new Subject<Uint8Array>();
      source$
        .pipe(drain((chunk) => gate$.pipe(map(() => chunk))))
        .subscribe((chunk) => seen.push(chunk));
      deliver(source$, bytes, () => undefined, true);
      bytes.fill(0);
      gate$.next();
      expect(seen).toEqual([Uint8Array.of(1, 2)]);
    });
  });

  it('asks inner iterables for one value at a time', () => {
    const asked: number[] = [];
    const releases: Release[] = [];
    of('only')
      .pipe(
        drain(function* () {
          for (let value = 0; value < 3; value++) {
            asked.push(value);
            yield value;
          }
        }),
      )
      .subscribe(() => releases.push(holdCredit()));
    expect(asked).toEqual([0]);
    releases[0]?.();
    expect(asked).toEqual([0, 1]);
  });
});
