import { describe, expect, it } from '@jest/globals';
import { EMPTY, NEVER, Observable, of, range, Subject, take, throwError } from 'rxjs';
import { lift, subscribeInner } from '../../src/operators/lift.ts';
import { marbles } from '../support/marbles.ts';

describe('lift', () => {
  it('passes on what a stage leaves out', () => {
    marbles(({ cold, expectObservable }) => {
      const double = lift<number, number>((out) => ({ next: (value) => out.next(value * 2) }));
      expectObservable(cold('-a-b-|', { a: 1, b: 2 }).pipe(double)).toBe('-a-b-|', { a: 2, b: 4 });
      expectObservable(cold('-a-#', { a: 1 }).pipe(double)).toBe('-a-#', { a: 2 });
    });
  });

  it('makes what a stage throws the error of the stream', () => {
    const broken = new Error('stage');
    const throws = (): never => {
      throw broken;
    };
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-a-a-|');
      expectObservable(source.pipe(lift(() => ({ next: throws })))).toBe('-#', undefined, broken);
      expectSubscriptions(source.subscriptions).toBe('^!');
      const next = (): void => undefined;
      expectObservable(cold('--|').pipe(lift(() => ({ next, complete: throws })))).toBe(
        '--#',
        undefined,
        broken,
      );
      expectObservable(cold('--#').pipe(lift(() => ({ next, error: throws })))).toBe(
        '--#',
        undefined,
        broken,
      );
      expectObservable(cold('--|').pipe(lift(throws))).toBe('#', undefined, broken);
    });
  });

  it('stops a synchronous source at an error of the stage, and when nobody listens', () => {
    let seen = 0;
    const fails = lift<number, number>(() => ({
      next: () => {
        if (++seen === 3) throw new Error('enough');
      },
    }));
    range(0, Number.POSITIVE_INFINITY)
      .pipe(fails)
      .subscribe({ error: () => undefined });
    expect(seen).toBe(3);
    const passes = lift<number, number>((out) => ({ next: (value) => out.next(value) }));
    const taken: number[] = [];
    range(0, Number.POSITIVE_INFINITY)
      .pipe(passes, take(2))
      .subscribe((value) => taken.push(value));
    expect(taken).toEqual([0, 1]);
  });

  it('makes a stage for each subscription', () => {
    const counting = lift<string, number>((out) => {
      let count = 0;
      return { next: () => out.next(++count) };
    });
    marbles(({ cold, expectObservable }) => {
      const counted = cold('aa').pipe(counting);
      expectObservable(counted).toBe('12', { 1: 1, 2: 2 });
      expectObservable(counted).toBe('12', { 1: 1, 2: 2 });
    });
  });

  it.each<[string, (source: Observable<number>) => Observable<number>, Observable<number>]>([
    ['completion', (source) => source, EMPTY],
    ['an error', (source) => source, throwError(() => new Error('x'))],
    ['nobody listening', (source) => source.pipe(take(1)), of(1)],
  ])('tears down once, behind the source, at %s', (_name, through, source) => {
    const events: string[] = [];
    const observed = new Observable<number>((subscriber) => {
      subscriber.add(() => events.push('source'));
      source.subscribe(subscriber);
    });
    const stage = lift<number, number>((out) => ({
      next: (value) => out.next(value),
      teardown: () => events.push('stage'),
    }));
    const subscription = through(observed.pipe(stage)).subscribe({ error: () => undefined });
    subscription.unsubscribe();
    expect(events).toEqual(['source', 'stage']);
  });

  it('tears down behind the source when it is unsubscribed', () => {
    const source$ = new Subject<number>();
    let wasObserved = true;
    const stage = lift<number, number>(() => ({
      next: () => undefined,
      teardown: () => (wasObserved = source$.observed),
    }));
    source$.pipe(stage).subscribe().unsubscribe();
    expect(wasObserved).toBe(false);
  });

  it('does not subscribe the source when its making has ended the subscription', () => {
    let subscribed = 0;
    const source = new Observable<never>(() => {
      subscribed++;
    });
    source
      .pipe(
        lift((out) => {
          out.complete();
          return { next: () => undefined };
        }),
      )
      .subscribe();
    expect(subscribed).toBe(0);
  });
});

describe('subscribeInner', () => {
  it('lets the inner source go before its completion is told', () => {
    const events: string[] = [];
    const inner = new Observable<number>((subscriber) => {
      subscriber.add(() => events.push('let go'));
      subscriber.complete();
    });
    const outer = lift<number, number>((out) => ({
      next: () =>
        subscribeInner(inner, out, {
          next: () => undefined,
          complete: () => events.push('complete'),
        }),
    }));
    of(1).pipe(outer).subscribe();
    expect(events).toEqual(['let go', 'complete']);
  });

  it('makes errors of the inner source, and what its stage throws, errors of the outer one', () => {
    const broken = new Error('inner');
    const throws = (): never => {
      throw broken;
    };
    const through = (inner: Observable<number>, complete: () => void): Observable<unknown> =>
      NEVER.pipe(
        lift<never, never>((out) => {
          subscribeInner(inner, out, { next: () => undefined, complete });
          return { next: () => undefined };
        }),
      );
    marbles(({ cold, expectObservable }) => {
      expectObservable(through(cold('--#', undefined, broken), () => undefined)).toBe(
        '--#',
        undefined,
        broken,
      );
      expectObservable(through(cold('--|'), throws)).toBe('--#', undefined, broken);
    });
  });
});
