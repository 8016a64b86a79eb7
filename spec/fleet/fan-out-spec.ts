import { describe, expect, it } from '@jest/globals';
import {
  concat,
  defer,
  EMPTY,
  lastValueFrom,
  map,
  NEVER,
  Observable,
  type ObservableInput,
  of,
  Subject,
  take,
  throwError,
  timer,
  toArray,
  VirtualTimeScheduler,
} from 'rxjs';
import { CROWDED_WINDOW, INITIAL_WINDOW, processWindowBudget } from '../../src/channels/window.ts';
import type { ExecEvent } from '../../src/client/exec.ts';
import { SshError } from '../../src/errors.ts';
import { fanOut, type FanOutOptions, type FleetTask } from '../../src/fleet/fan-out.ts';
import type { FleetEvent } from '../../src/fleet/fleet-event.ts';
import { deliver } from '../../src/operators/credit.ts';
import { drain } from '../../src/operators/drain.ts';

const exit = (status: number): ExecEvent => ({ type: 'exit', exit: { kind: 'status', status } });
const out = (text: string): ExecEvent => ({ type: 'stdout', data: Buffer.from(text) });
const lost = new SshError('connection-lost', 'gone', {});
const final = new SshError('connection-lost', 'gone', {}, { transient: false });

/** Events as short text: `b1 stdout x`. */
function shown({ host, event }: FleetEvent): string {
  switch (event.type) {
    case 'started':
      return `${host} started ${String(event.attempt)}${event.after === undefined ? '' : ' again'}`;
    case 'stdout':
    case 'stderr':
      return `${host} ${event.type} ${Buffer.from(event.data).toString()}`;
    case 'exit':
      return `${host} exit ${event.exit.kind === 'status' ? String(event.exit.status) : event.exit.kind}`;
    case 'error':
      return `${host} error ${event.error.kind}`;
    case 'done':
      return `${host} done ${String(event.milliseconds)}`;
  }
}

/** Runs on virtual time to its end, or to `until` milliseconds. */
function run<H>(
  hosts: ObservableInput<H>,
  task: (host: H, scheduler: VirtualTimeScheduler, attempt: number) => ObservableInput<ExecEvent>,
  options: FanOutOptions<H> = {},
): string[] {
  const scheduler = new VirtualTimeScheduler();
  const seen: string[] = [];
  const wrapped: FleetTask<H> = (host, { attempt }) => task(host, scheduler, attempt);
  fanOut(hosts, wrapped, { scheduler, ...options }).subscribe({
    next: (event) => seen.push(shown(event)),
    error: (error: unknown) => seen.push(`error ${(error as Error).message}`),
    complete: () => seen.push('complete'),
  });
  scheduler.flush();
  return seen;
}

const after = (milliseconds: number, scheduler: VirtualTimeScheduler): Observable<never> =>
  new Observable((subscriber) =>
    timer(milliseconds, scheduler).subscribe({ complete: () => subscriber.complete() }),
  );

describe('fanOut', () => {
  it('tells everything of each host, `done` last', () => {
    expect(run(['a', 'b'], (host) => [out(host), exit(host === 'a' ? 0 : 7)])).toEqual([
      'a started 1',
      'a stdout a',
      'a exit 0',
      'a done 0',
      'b started 1',
      'b stdout b',
      'b exit 7',
      'b done 0',
      'complete',
    ]);
  });

  it('completes at once without hosts', () => {
    expect(run([], () => EMPTY)).toEqual(['complete']);
  });

  it('never lets one bad host stop the rest', () => {
    const tasks: Readonly<Record<string, () => ObservableInput<ExecEvent>>> = {
      errors: () => throwError(() => new SshError('auth', 'no', { attempts: [], methodsLeft: [] })),
      throws: () => {
        throw new TypeError('a mistake');
      },
      midway: () =>
        concat(
          of(out('half')),
          throwError(() => final),
        ),
      good: () => [exit(0)],
    };
    const seen = run(Object.keys(tasks), (host) => tasks[host]!(), { concurrency: 1 });
    expect(seen.filter((line) => !line.includes('started'))).toEqual([
      'errors error auth',
      'errors done 0',
      'throws error config',
      'throws done 0',
      'midway stdout half',
      'midway error connection-lost',
      'midway done 0',
      'good exit 0',
      'good done 0',
      'complete',
    ]);
  });

  it('takes promises, and their rejections as errors of the host', async () => {
    const events = await lastValueFrom(
      fanOut(['a', 'b'], (host) =>
        host === 'a' ? Promise.reject(new Error('no')) : Promise.resolve(exit(0)),
      ).pipe(map(shown), toArray()),
    );
    expect(events.filter((line) => !/started|done/.test(line)).sort()).toEqual([
      'a error config',
      'b exit 0',
    ]);
  });

  it('keeps to the concurrency, in the order of the hosts', () => {
    let running = 0;
    let most = 0;
    const hosts = Array.from({ length: 10 }, (_, index) => `h${String(index)}`);
    const seen = run(
      hosts,
      (_, scheduler) =>
        defer(() => {
          most = Math.max(most, ++running);
          return concat(
            after(10, scheduler),
            defer(() => (running--, of(exit(0)))),
          );
        }),
      { concurrency: 3 },
    );
    expect(most).toBe(3);
    expect(seen.filter((line) => line.includes('started'))).toEqual(
      hosts.map((host) => `${host} started 1`),
    );
    expect(seen.at(-1)).toBe('complete');
  });

  it('lets go of a host before the next begins', () => {
    const log: string[] = [];
    run(
      ['a', 'b'],
      (host) =>
        new Observable((subscriber) => {
          log.push(`open ${host}`);
          if (host === 'a') subscriber.error(final);
          else subscriber.complete();
          return () => log.push(`closed ${host}`);
        }),
      { concurrency: 1 },
    );
    expect(log).toEqual(['open a', 'closed a', 'open b', 'closed b']);
  });

  it('asks an iterable for the next host when there is a place for it', () => {
    const asked: number[] = [];
    function* hosts(): Generator<string> {
      for (let index = 0; ; index++) {
        asked.push(index);
        yield `h${String(index)}`;
      }
    }
    const fleet = fanOut(hosts(), () => NEVER, { concurrency: 4 }).subscribe();
    // the fifth waits for a place
    expect(asked).toEqual([0, 1, 2, 3, 4]);
    fleet.unsubscribe();
  });

  it('keeps the output of a host that takes too long', () => {
    const seen = run(
      ['slow', 'quick'],
      (host) => (host === 'slow' ? concat(of(out('half')), NEVER) : [exit(0)]),
      { timeout: 500 },
    );
    expect(seen).toEqual([
      'slow started 1',
      'slow stdout half',
      'quick started 1',
      'quick exit 0',
      'quick done 0',
      'slow error timeout',
      'slow done 500',
      'complete',
    ]);
  });

  it('unsubscribes a task that takes too long before it tells so', () => {
    const log: string[] = [];
    const scheduler = new VirtualTimeScheduler();
    const task = (): Observable<never> => new Observable(() => () => log.push('let go'));
    fanOut(['a'], task, { timeout: 10, scheduler }).subscribe(({ event }) => log.push(event.type));
    scheduler.flush();
    expect(log).toEqual(['started', 'let go', 'error', 'done']);
  });

  describe('with retries', () => {
    const failing =
      (failures: number, error: SshError) => (_: string, _scheduler: unknown, attempt: number) =>
        attempt <= failures ? throwError(() => error) : of(exit(0));

    it('begins a task anew that failed before its command was requested, 1 s, 2 s, 4 s later', () => {
      expect(run(['a'], failing(3, lost), { retries: 3 })).toEqual([
        'a started 1',
        'a started 2 again',
        'a started 3 again',
        'a started 4 again',
        'a exit 0',
        'a done 7000',
        'complete',
      ]);
    });

    it('gives up after so many', () => {
      expect(run(['a'], failing(3, lost), { retries: 2, retryDelay: 5 })).toEqual([
        'a started 1',
        'a started 2 again',
        'a started 3 again',
        'a error connection-lost',
        'a done 10',
        'complete',
      ]);
    });

    it('takes the delay from a function', () => {
      const options = { retries: 2, retryDelay: (retry: number) => retry * 100 };
      expect(run(['a'], failing(2, lost), options)).toContain('a done 300');
    });

    it('fails the host, and nobody else, when that function throws', () => {
      const retryDelay = (): never => {
        throw new Error('no idea');
      };
      expect(run(['a', 'b'], failing(1, lost), { retries: 2, retryDelay, concurrency: 1 })).toEqual(
        [
          'a started 1',
          'a error config',
          'a done 0',
          'b started 1',
          'b error config',
          'b done 0',
          'complete',
        ],
      );
    });

    it('does not retry what is not transient', () => {
      expect(run(['a'], failing(1, final), { retries: 2 })).toContain('a error connection-lost');
    });

    it('does not retry once anything was emitted', () => {
      const task = (): Observable<ExecEvent> =>
        concat(
          of(out('x')),
          throwError(() => lost),
        );
      expect(run(['a'], task, { retries: 2 })).toEqual([
        'a started 1',
        'a stdout x',
        'a error connection-lost',
        'a done 0',
        'complete',
      ]);
    });

    it('counts the retries and their delays into the time of a host', () => {
      const task = (): Observable<never> => throwError(() => lost);
      expect(run(['a'], task, { retries: 100, retryDelay: 30, timeout: 100 }).slice(-3)).toEqual([
        'a error timeout',
        'a done 100',
        'complete',
      ]);
    });
  });

  it('slows a host down whose events are held', () => {
    const acknowledged: number[] = [];
    const gate = new Subject<void>();
    const task = (): Observable<ExecEvent> =>
      new Observable((subscriber) => {
        for (const index of [0, 1])
          deliver(subscriber, out(String(index)), () => acknowledged.push(index));
      });
    const fleet = fanOut(['a'], task)
      .pipe(drain(({ event }) => (event.type === 'stdout' ? gate.pipe(take(1)) : EMPTY)))
      .subscribe();
    expect(acknowledged).toEqual([]);
    gate.next();
    expect(acknowledged).toEqual([0]);
    gate.next();
    expect(acknowledged).toEqual([0, 1]);
    fleet.unsubscribe();
  });

  it('lets channels begin with small windows while it runs', () => {
    const fleet = fanOut(['a'], () => NEVER).subscribe();
    expect(processWindowBudget.firstWindow).toBe(CROWDED_WINDOW);
    fleet.unsubscribe();
    expect(processWindowBudget.firstWindow).toBe(INITIAL_WINDOW);
  });

  it('ends all tasks when it is unsubscribed', () => {
    let running = 0;
    const task = (): Observable<never> =>
      new Observable(() => {
        running++;
        return () => running--;
      });
    const fleet = fanOut(['a', 'b', 'c'], task, { concurrency: 2 }).subscribe();
    expect(running).toBe(2);
    fleet.unsubscribe();
    expect(running).toBe(0);
  });

  it('names hosts by a label, and by `host` and `port`', () => {
    const names = (hosts: readonly unknown[], options: FanOutOptions = {}): string[] =>
      run(hosts, () => EMPTY, options).filter((line) => line.includes('started'));
    expect(names([{ host: 'a' }, { host: 'b', port: 2222 }, 7])).toEqual([
      'a started 1',
      'b:2222 started 1',
      '7 started 1',
    ]);
    expect(names([1, 2], { label: (host) => `host ${String(host)}` })).toEqual([
      'host 1 started 1',
      'host 2 started 1',
    ]);
  });

  it('waits for running tasks when the source of hosts errors', () => {
    const hosts = concat(
      of('a'),
      throwError(() => new Error('no more')),
    );
    expect(run(hosts, (_, scheduler) => concat(after(5, scheduler), of(exit(0))))).toEqual([
      'a started 1',
      'a exit 0',
      'a done 5',
      'error no more',
    ]);
  });

  it.each<
    readonly [
      what: string,
      hosts: ObservableInput<unknown>,
      options: FanOutOptions,
      message: RegExp,
    ]
  >([
    ['a string instead of hosts', 'web1', {}, /hosts is one string/],
    ['a concurrency below 1', ['a'], { concurrency: 0 }, /concurrency must be at least 1/],
    ['a timeout that is no number', ['a'], { timeout: Number.NaN }, /timeout is a number/],
    ['retries below 0', ['a'], { retries: -1 }, /retries must not be negative/],
    ['a host without a name', [''], {}, /host 1 has no name/],
    ['an object without a name', [{}], {}, /label is needed/],
  ])('errors with `config` for %s', (_, hosts, options, message) => {
    const seen = run(hosts, () => EMPTY, options);
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatch(message);
  });

  it('gives the credit of a host back whose label throws', () => {
    const hosts = new Subject<string>();
    const label = (): never => {
      throw new Error('nameless');
    };
    fanOut(hosts, () => EMPTY, { label }).subscribe({ error: () => undefined });
    let acknowledged = 0;
    deliver(hosts, 'a', () => acknowledged++);
    expect(acknowledged).toBe(1);
  });

  it('errors with `aborted` when the signal fires', () => {
    const abort = new AbortController();
    const seen: string[] = [];
    fanOut(['a'], () => NEVER, { signal: abort.signal }).subscribe({
      error: (error: unknown) => seen.push((error as SshError).kind),
    });
    abort.abort();
    expect(seen).toEqual(['aborted']);
  });
});
