import { describe, expect, it } from '@jest/globals';
import { NEVER, Observable, of, range, Subject, take, tap } from 'rxjs';
import { nest } from '../../src/operators/nest.ts';
import { marbles } from '../support/marbles.ts';

describe('nest', () => {
  it('emits what is built on the first value, and ignores further ones', () => {
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('-a-b---');
      const built = cold('  --x-y-');
      expectObservable(source.pipe(nest(() => built))).toBe('---x-y-');
      expectSubscriptions(built.subscriptions).toBe('-^');
    });
  });

  it('completes when both have, and keeps the source until then', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a----|');
      expectObservable(source.pipe(nest(() => cold('-x|')))).toBe('-x---|');
      expectSubscriptions(source.subscriptions).toBe('^----!');
      expectObservable(cold('a-|').pipe(nest(() => cold('-x--|')))).toBe('-x--|');
      expectObservable(cold('a').pipe(nest(() => cold('-x|')))).toBe('-x');
    });
  });

  it('passes on errors of both, and what the project throws', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('a--#').pipe(nest(() => cold('-x---')))).toBe('-x-#');
      expectObservable(cold('a---').pipe(nest(() => cold('-x#')))).toBe('-x#');
      const throws = (): never => {
        throw new Error('project');
      };
      expectObservable(cold('a---').pipe(nest(throws))).toBe('#', undefined, new Error('project'));
    });
  });

  it('says by an error of the caller that a source has completed without a value', () => {
    marbles(({ cold, expectObservable }) => {
      const nothing = new Error('nothing');
      const nested = nest<string, string>(
        () => cold('-x|'),
        () => nothing,
      );
      expectObservable(cold('--|').pipe(nested)).toBe('--#', undefined, nothing);
      expectObservable(cold('a--|').pipe(nested)).toBe('-x-|');
      expectObservable(cold('--|').pipe(nest(() => cold('-x|')))).toBe('--|');
    });
  });

  it('ends what stands on top before what it stands on', () => {
    const events: string[] = [];
    const logged = (name: string, source: Observable<string>): Observable<string> =>
      new Observable((subscriber) => {
        const subscription = source.subscribe(subscriber);
        return () => {
          events.push(name);
          subscription.unsubscribe();
        };
      });
    const source$ = new Subject<string>();
    const subscription = logged('below', source$)
      .pipe(nest(() => logged('on top', NEVER)))
      .subscribe();
    source$.next('a');
    subscription.unsubscribe();
    expect(events).toEqual(['on top', 'below']);
  });

  it('stops what is built when it emits without a pause', () => {
    let emitted = 0;
    const built$ = range(0, 1000).pipe(tap(() => emitted++));
    of('a')
      .pipe(
        nest(() => built$),
        take(3),
      )
      .subscribe();
    expect(emitted).toBe(3);
  });

  it('stops a source that emits without a pause', () => {
    let emitted = 0;
    range(0, 1000)
      .pipe(
        tap(() => emitted++),
        nest(() => of('built')),
        take(1),
      )
      .subscribe();
    expect(emitted).toBe(1);
  });
});
