/** The laws of docs/back-pressure.md, one after the other. */
import { describe, expect, it } from '@jest/globals';
import {
  asapScheduler,
  auditTime,
  buffer,
  bufferCount,
  bufferTime,
  catchError,
  combineLatest,
  concat,
  concatMap,
  debounceTime,
  delay,
  distinctUntilChanged,
  EMPTY,
  exhaustMap,
  filter,
  finalize,
  from,
  groupBy,
  last,
  map,
  merge,
  mergeMap,
  type MonoTypeOperatorFunction,
  NEVER,
  type Observable,
  observeOn,
  of,
  queueScheduler,
  reduce,
  retry,
  sampleTime,
  scan,
  share,
  shareReplay,
  skip,
  startWith,
  Subject,
  switchMap,
  take,
  takeUntil,
  takeWhile,
  tap,
  throwError,
  timeout,
  timer,
  toArray,
  withLatestFrom,
  zip,
} from 'rxjs';
import { deliver, holdCredit, type Release } from '../../src/operators/credit.ts';
import { batch } from '../../src/operators/batch.ts';
import { drain } from '../../src/operators/drain.ts';
import { splitLines } from '../../src/operators/split-lines.ts';
import { marbles, utf8 } from '../support/marbles.ts';
import { count, Sender } from '../support/sender.ts';

/** Emits the value after so many virtual milliseconds. */
const after =
  (milliseconds: number) =>
  <T>(value: T): Observable<T> =>
    timer(milliseconds).pipe(map(() => value));

describe('a slow end', () => {
  it('bounds what the source lets out, through operators that pass values on', () => {
    marbles(({ flush }) => {
      const sender = new Sender(count(100), 4);
      let done = 0;
      sender.stream$
        .pipe(
          map((value) => value + 1),
          filter((value) => value > 0),
          switchMap((value) => of(value)),
          mergeMap((value) => [value]),
          scan((sum, value) => sum + value, 0),
          drain(after(10)),
        )
        .subscribe(() => done++);
      expect(sender.outstanding).toBe(4);
      flush();
      expect(done).toBe(100);
      expect(sender).toMatchObject({ most: 4, outstanding: 0, acknowledged: 100 });
    });
  });

  it('bounds it through drains in a row: the first lets go only when the last is done', () => {
    marbles(({ flush }) => {
      const sender = new Sender(count(200), 64);
      const reached: number[] = [];
      sender.stream$
        .pipe(
          drain((value) => of(value)),
          drain(after(1)),
          drain((value) => [value, value]),
          drain(after(50)),
        )
        .subscribe((value) => reached.push(value));
      expect(sender.sent).toBe(64);
      flush();
      expect(reached).toEqual([...count(200)].flatMap((value) => [value, value]));
      expect(sender).toMatchObject({ most: 64, outstanding: 0, acknowledged: 200 });
    });
  });

  it('bounds it through batches and lines', () => {
    marbles(({ flush }) => {
      const chunks = Array.from({ length: 50 }, (_, i) => utf8(`a${String(i)}\nb${String(i)}\nc`));
      const sender = new Sender(chunks, 3);
      const rows: string[] = [];
      sender.stream$
        .pipe(splitLines(), batch(5), drain(after(20)))
        .subscribe((lines) => rows.push(...lines));
      expect(sender.sent).toBeLessThan(8);
      flush();
      expect(rows.length).toBe(101);
      expect(sender).toMatchObject({ most: 3, outstanding: 0, acknowledged: 50 });
    });
  });

  it('holds a chunk until all that became of it is done, with one acknowledgement', () => {
    marbles(({ flush }) => {
      const sender = new Sender([utf8('1\n2\n3\n'), utf8('4\n')], 1);
      const seen: string[] = [];
      sender.stream$
        .pipe(splitLines(), drain(after(10)))
        .subscribe((line) => seen.push(`${line}: ${String(sender.acknowledged)} acknowledged`));
      flush();
      expect(seen).toEqual([
        '1: 0 acknowledged',
        '2: 0 acknowledged',
        '3: 0 acknowledged',
        '4: 1 acknowledged',
      ]);
      expect(sender.acknowledged).toBe(2);
    });
  });
});

describe('several sources', () => {
  it('that are merged keep each their own window', () => {
    marbles(({ flush }) => {
      const a = new Sender(count(50), 2);
      const b = new Sender(count(50), 5);
      let done = 0;
      merge(a.stream$, b.stream$)
        .pipe(drain(after(3)))
        .subscribe(() => done++);
      expect([a.outstanding, b.outstanding]).toEqual([2, 5]);
      flush();
      expect(done).toBe(100);
      expect([a.most, b.most, a.outstanding, b.outstanding]).toEqual([2, 5, 0, 0]);
    });
  });

  it('in a drain of a drain keep theirs: the inner source is bounded by the outer end', () => {
    marbles(({ flush }) => {
      const outer = new Sender(['x', 'y'], 1);
      const inner: Sender<number>[] = [];
      let done = 0;
      outer.stream$
        .pipe(
          drain(() => {
            const sender = new Sender(count(20), 3);
            inner.push(sender);
            return sender.stream$;
          }),
          drain(after(7)),
        )
        .subscribe(() => done++);
      expect(inner).toMatchObject([{ outstanding: 3 }]);
      flush();
      expect(done).toBe(40);
      expect(inner).toMatchObject([
        { most: 3, outstanding: 0 },
        { most: 3, outstanding: 0 },
      ]);
      expect(outer).toMatchObject({ most: 1, outstanding: 0, acknowledged: 2 });
    });
  });

  it('that are shared wait for the slowest subscriber', () => {
    marbles(({ flush }) => {
      const sender = new Sender(count(10), 2);
      const start$ = new Subject<never>();
      const shared$ = concat(start$, sender.stream$).pipe(share());
      let slow = 0;
      let quick = 0;
      shared$.subscribe(() => quick++);
      shared$.pipe(drain(after(10))).subscribe(() => slow++);
      start$.complete();
      expect(sender.outstanding).toBe(2);
      expect(quick).toBe(2);
      flush();
      expect([quick, slow]).toEqual([10, 10]);
      expect(sender.outstanding).toBe(0);
    });
  });
});

describe('an emission of somebody else inside a delivery', () => {
  it('carries its own credit, and takes none of the delivery', () => {
    const other = new Sender(count(3), 1);
    const held: Release[] = [];
    const sender = new Sender(count(1), 1);
    sender.stream$.subscribe(() => other.stream$.subscribe(() => held.push(holdCredit())));
    expect(sender.acknowledged).toBe(1);
    expect(other.acknowledged).toBe(0);
    held[0]?.();
    expect(other.acknowledged).toBe(1);
  });
});

describe('unsubscribing', () => {
  const pipelines: [string, (source: Observable<number>) => Observable<unknown>][] = [
    ['drain', (source) => source.pipe(drain(after(3)))],
    ['drain, twice at a time', (source) => source.pipe(drain(after(3), { concurrency: 2 }))],
    ['drain, drain', (source) => source.pipe(drain(after(2)), drain(after(5)))],
    [
      'drain of many',
      (source) =>
        source.pipe(
          drain((n) => [n, n, n]),
          drain(after(1)),
        ),
    ],
    ['batch, drain', (source) => source.pipe(batch(2), drain(after(4)))],
    ['drain, batch, drain', (source) => source.pipe(drain(after(1)), batch(3), drain(after(4)))],
    ['drain that never ends', (source) => source.pipe(drain(() => NEVER))],
  ];

  it.each(pipelines)('%s: at every moment gives back all', (_name, pipeline) => {
    for (let moment = 0; moment < 40; moment++) {
      marbles(({ flush }) => {
        const sender = new Sender(count(10), 4);
        const subscription = pipeline(sender.stream$).subscribe();
        timer(moment).subscribe(() => {
          subscription.unsubscribe();
          expect(sender.outstanding).toBe(0);
        });
        flush();
        expect(sender.outstanding).toBe(0);
      });
    }
  });

  it.each(pipelines)('%s: as soon as a value has come gives back all', (_name, pipeline) => {
    for (let wanted = 1; wanted < 5; wanted++) {
      marbles(({ flush }) => {
        const sender = new Sender(count(10), 4);
        const subscription = pipeline(sender.stream$).pipe(take(wanted)).subscribe();
        flush();
        subscription.unsubscribe();
        expect(sender.outstanding).toBe(0);
        expect(sender.isUnsubscribed).toBe(true);
      });
    }
  });

  it.each(pipelines)('%s: an error behind it gives back all', (_name, pipeline) => {
    marbles(({ flush }) => {
      const sender = new Sender(count(10), 4);
      const fails = tap(() => {
        throw new Error('behind');
      });
      const subscription = pipeline(sender.stream$)
        .pipe(fails)
        .subscribe({ error: () => undefined });
      flush();
      subscription.unsubscribe();
      expect(sender.outstanding).toBe(0);
    });
  });
});

describe('an error', () => {
  it('never overtakes the values before it', () => {
    marbles(({ expectObservable }) => {
      const source = (): Observable<string> =>
        concat(
          from('abc'),
          throwError(() => new Error('lost')),
        );
      expectObservable(source().pipe(drain(after(2)))).toBe(
        '--a-b-(c#)',
        undefined,
        new Error('lost'),
      );
      expectObservable(source().pipe(drain(after(2)), drain(after(3)))).toBe(
        '-----a--b--(c#)',
        undefined,
        new Error('lost'),
      );
      expectObservable(source().pipe(batch(2), drain(after(2)))).toBe(
        '--x-(y#)',
        { x: ['a', 'b'], y: ['c'] },
        new Error('lost'),
      );
    });
  });
});

/** Does a value's credit wait for an end that holds it, behind this operator? */
function keepsCredit(operator: MonoTypeOperatorFunction<unknown>): boolean {
  let acknowledged = 0;
  const source$ = new Subject<unknown>();
  const subscription = source$.pipe(operator).subscribe(() => holdCredit());
  deliver(source$, 'value', () => acknowledged++);
  subscription.unsubscribe();
  return acknowledged === 0;
}

const same = <T>(
  operator: (source: Observable<T>) => Observable<unknown>,
): MonoTypeOperatorFunction<unknown> => operator as MonoTypeOperatorFunction<unknown>;

describe('the table of operators', () => {
  const keep: [string, MonoTypeOperatorFunction<unknown>][] = [
    ['map', map((value) => value)],
    ['filter', filter(() => true)],
    ['tap', tap()],
    ['scan', scan((_, value) => value)],
    ['take', take(1)],
    ['takeWhile', takeWhile(() => true)],
    ['takeUntil', takeUntil(NEVER)],
    ['distinctUntilChanged', distinctUntilChanged()],
    ['finalize', finalize(() => undefined)],
    ['share', share()],
    ['shareReplay', shareReplay({ bufferSize: 1, refCount: true })],
    ['skip', skip(0)],
    ['startWith', startWith('first')],
    ['catchError', catchError(() => EMPTY)],
    ['retry', retry(1)],
    ['timeout', timeout(1000)],
    ['combineLatest', same((source) => combineLatest([source, of(1)]))],
    [
      'groupBy',
      same((source) =>
        source.pipe(
          groupBy(() => 1),
          mergeMap((group) => group),
        ),
      ),
    ],
    ['exhaustMap to something synchronous', exhaustMap((value) => of(value))],
    ['merge', (source) => merge(source, NEVER)],
    ['concat, while its turn is on', (source) => concat(EMPTY, source)],
    ['withLatestFrom', same((source) => source.pipe(withLatestFrom(of(1))))],
    ['switchMap to something synchronous', switchMap((value) => of(value))],
    ['mergeMap to something synchronous', mergeMap((value) => of(value))],
    ['concatMap to something synchronous, when nothing waits', concatMap((value) => of(value))],
  ];
  it.each(keep)('%s keeps credit', (_name, operator) => {
    expect(keepsCredit(operator)).toBe(true);
  });

  const giveUp: [string, MonoTypeOperatorFunction<unknown>][] = [
    ['switchMap to something asynchronous', switchMap((value) => Promise.resolve(value))],
    ['mergeMap to something asynchronous', mergeMap((value) => Promise.resolve(value))],
    ['concatMap to something asynchronous', concatMap((value) => Promise.resolve(value))],
    [
      'mergeMap with a limit, behind one that runs',
      (source) =>
        merge(of(0), source).pipe(mergeMap((value) => (value === 0 ? NEVER : of(value)), 1)),
    ],
    ['delay', delay(1)],
    ['debounceTime', debounceTime(1)],
    ['auditTime', auditTime(1)],
    ['sampleTime', sampleTime(1)],
    ['bufferTime', same((source) => source.pipe(bufferTime(1)))],
    ['reduce', reduce((_, value) => value)],
    ['last', last(null, 0)],
    ['exhaustMap to something asynchronous', exhaustMap((value) => Promise.resolve(value))],
    ['observeOn another turn', observeOn(asapScheduler)],
    ['bufferCount', same((source) => source.pipe(bufferCount(2)))],
    ['buffer', same((source) => source.pipe(buffer(NEVER)))],
    ['toArray', same((source) => source.pipe(toArray()))],
    ['zip', same((source) => zip(source, NEVER))],
  ];
  it.each(giveUp)('%s gives credit up', (_name, operator) => {
    expect(keepsCredit(operator)).toBe(false);
  });

  it('an asynchronous consumer gives credit up', () => {
    let acknowledged = 0;
    const source$ = new Subject<unknown>();
    // eslint-disable-next-line rxjs-x/no-async-subscribe, @typescript-eslint/no-misused-promises -- the mistake that is shown
    const subscription = source$.subscribe(async () => {
      await Promise.resolve();
      holdCredit();
    });
    deliver(source$, 'value', () => acknowledged++);
    subscription.unsubscribe();
    expect(acknowledged).toBe(1);
  });

  it('observeOn a scheduler that runs at once keeps credit, like any synchronous operator', () => {
    expect(keepsCredit(observeOn(queueScheduler))).toBe(true);
  });
});
