import { afterEach, describe, expect, it } from '@jest/globals';
import {
  concat,
  concatMap,
  EMPTY,
  finalize,
  firstValueFrom,
  ignoreElements,
  lastValueFrom,
  NEVER,
  Observable,
  of,
  range,
  Subject,
  take,
  tap,
  throwError,
} from 'rxjs';
import { exitStatus, text } from '../../src/client/output-operators.ts';
import { exec, session, shareClient, withClient } from '../../src/client/with-client.ts';
import { exitWith } from '../../src/server/exit-result.ts';
import { isSshError } from '../../src/errors.ts';
import { Clock } from '../support/clock.ts';
import {
  allOf,
  closeEmbedded,
  connected,
  embedded,
  keepOpen,
  respond,
  turn,
} from '../support/embedded.ts';
import { comparable } from '../support/marbles.ts';

afterEach(closeEmbedded);

/** A source that tells who is there. */
function watched<T>(): {
  readonly source$: Observable<T>;
  readonly subject: Subject<T>;
  readonly log: string[];
} {
  const subject = new Subject<T>();
  const log: string[] = [];
  const source$ = new Observable<T>((subscriber) => {
    log.push('subscribed');
    subscriber.add(subject.subscribe(subscriber));
    return () => log.push('let go');
  });
  return { source$, subject, log };
}

describe('withClient', () => {
  it('keeps the source while the work runs, and completes with it', () => {
    const { source$, subject, log } = watched<string>();
    const work = new Subject<string>();
    const seen: string[] = [];
    source$
      .pipe(
        withClient((client) => {
          log.push(`work on ${client}`);
          return work.pipe(finalize(() => log.push('work ended')));
        }),
      )
      .subscribe({ next: (value) => seen.push(value), complete: () => seen.push('complete') });
    subject.next('a');
    subject.next('b');
    work.next('1');
    expect(log).toEqual(['subscribed', 'work on a']);
    work.complete();
    expect([seen, log]).toEqual([
      ['1', 'complete'],
      ['subscribed', 'work on a', 'work ended', 'let go'],
    ]);
  });

  it('ends the work first when it is unsubscribed', () => {
    const { source$, subject, log } = watched<string>();
    const running = source$
      .pipe(withClient(() => NEVER.pipe(finalize(() => log.push('work ended')))))
      .subscribe();
    subject.next('a');
    running.unsubscribe();
    expect(log).toEqual(['subscribed', 'work ended', 'let go']);
  });

  it('has the signal, EOF and CLOSE of a command leave before the connection is let go', async () => {
    const told: string[] = [];
    const { client$ } = embedded((asked) => {
      keepOpen(asked.signals$.subscribe((name) => told.push(name)));
      keepOpen(
        asked.closed$.subscribe((error) => told.push(`closed: ${String(comparable(error))}`)),
      );
      return NEVER;
    });
    const running = client$.pipe(exec('x')).subscribe();
    await turn();
    running.unsubscribe();
    await turn();
    expect(told).toEqual(['TERM', 'closed: undefined']);
  });

  it('stops work that emits synchronously when nobody wants more of it', () => {
    const endless = (function* (): Generator<number> {
      for (let at = 0; ; at++) yield at;
    })();
    const seen: number[] = [];
    of('a')
      .pipe(
        withClient(() => endless),
        take(3),
      )
      .subscribe((value) => seen.push(value));
    expect(seen).toEqual([0, 1, 2]);
  });

  it('stops a source that emits without a pause, once the work is over', () => {
    let emitted = 0;
    range(0, 1000)
      .pipe(
        tap(() => emitted++),
        withClient(() => of('done')),
      )
      .subscribe();
    expect(emitted).toBe(1);
  });

  it('lets go at once of a source that has failed, while the work goes on', () => {
    const { source$, subject, log } = watched<string>();
    keepOpen(source$.pipe(withClient(() => NEVER)).subscribe());
    subject.next('a');
    subject.error(new Error('lost'));
    expect(log).toEqual(['subscribed', 'let go']);
  });

  it('errors with the source before there is a client, and not behind', async () => {
    expect(await allOf(throwError(() => new Error('no')).pipe(withClient(() => of(1))))).toEqual([
      new Error('no'),
    ]);
    const { source$, subject } = watched<string>();
    const work = new Subject<string>();
    const seen = allOf(source$.pipe(withClient(() => work)));
    subject.next('a');
    subject.error(new Error('later'));
    work.next('1');
    work.error(new Error('the work’s own'));
    expect(await seen).toEqual(['1', new Error('the work’s own')]);
  });

  it('completes when the source does without a client, and not behind', async () => {
    expect(await allOf(EMPTY.pipe(withClient(() => of(1))))).toEqual(['complete']);
    expect(await allOf(of('a').pipe(withClient(() => Promise.resolve(1))))).toEqual([
      1,
      'complete',
    ]);
  });

  it('errors when the project throws', async () => {
    const { source$, subject, log } = watched<string>();
    const seen = allOf(
      source$.pipe(
        withClient((): never => {
          throw new Error('thrown');
        }),
      ),
    );
    subject.next('a');
    expect([await seen, log]).toEqual([[new Error('thrown')], ['subscribed', 'let go']]);
  });

  it('runs several commands on one connection', async () => {
    const { client$, types } = embedded((asked, command) => respond(asked, { stdout: command }));
    const work$ = client$.pipe(
      withClient((client) => concat(client.exec('a').pipe(text()), client.exec('b').pipe(text()))),
    );
    expect(await allOf(work$)).toEqual(['a', 'b', 'complete']);
    await turn();
    expect(types().filter((type) => type === 'connection')).toHaveLength(1);
    expect(types().at(-1)).toBe('closed');
  });
});

describe('session', () => {
  it('is for dialogues of one’s own, and closes behind them', async () => {
    const { client$, types } = embedded(() => NEVER, {
      server: { shell: (asked) => asked.stdout.pump(asked.stdin$).pipe(exitWith(3)) },
    });
    const dialogue$ = client$.pipe(
      session((opened) =>
        concat(
          opened.shell(),
          opened.stdin.pump('hello').pipe(ignoreElements()),
          opened.stdout$,
          opened.exit$,
        ),
      ),
    );
    expect(await allOf(dialogue$)).toEqual(['hello', { kind: 'status', status: 3 }, 'complete']);
    await turn();
    expect(types().slice(-3)).toEqual(['exit', 'session-closed', 'closed']);
  });

  it('opens subsystems, resizes terminals and sends signals', async () => {
    const seen: unknown[] = [];
    const { client$ } = embedded(() => NEVER, {
      server: {
        pty: true,
        subsystems: {
          probe: (asked) => {
            keepOpen(
              asked.windowChange$.subscribe(({ columns, rows }) => seen.push([columns, rows])),
            );
            return asked.signals$.pipe(
              concatMap((name) => {
                seen.push(name);
                return of(0);
              }),
            );
          },
        },
      },
    });
    const probe$ = client$.pipe(
      session((opened) => {
        const probing$ = concat(
          opened.requestPty(),
          opened.subsystem('probe'),
          new Observable<never>((out) => {
            opened.resize({ columns: 100, rows: 50, widthPixels: 0, heightPixels: 0 });
            opened.signal('SIGINT');
            out.complete();
          }),
          opened.exit$,
        );
        return probing$;
      }),
    );
    expect(await lastValueFrom(probe$)).toEqual({ kind: 'status', status: 0 });
    expect(seen).toEqual([[100, 50], 'INT']);
  });

  it('errors when there is no such subsystem', async () => {
    const { client$ } = embedded(() => NEVER);
    const [error] = await allOf(client$.pipe(session((opened) => opened.subsystem('sftp'))));
    expect(isSshError(error, 'request-refused') && error.detail).toEqual({ request: 'subsystem' });
  });
});

describe('shareClient', () => {
  const echo = () => embedded((asked, command) => respond(asked, { stdout: command }));

  function logins(types: readonly string[]): number {
    return types.filter((type) => type === 'authenticated').length;
  }

  it('logs in once for all who are there', async () => {
    const { client$, types } = echo();
    const shared$ = client$.pipe(shareClient());
    const results = await Promise.all(
      ['a', 'b', 'c'].map((command) => lastValueFrom(shared$.pipe(exec(command), text()))),
    );
    expect([results, logins(types())]).toEqual([['a', 'b', 'c'], 1]);
    await turn();
    expect(types().at(-1)).toBe('closed');
  });

  it('disconnects with the last one, and dials again for the next', async () => {
    const { client$, types } = echo();
    const shared$ = client$.pipe(shareClient());
    for (const command of ['a', 'b'])
      await lastValueFrom(shared$.pipe(exec(command), exitStatus()));
    expect(logins(types())).toBe(2);
  });

  it('lingers', async () => {
    const clock = new Clock();
    const { client$, types } = echo();
    const shared$ = client$.pipe(shareClient({ linger: 1000, scheduler: clock }));
    await lastValueFrom(shared$.pipe(exec('a'), exitStatus()));
    await clock.pass(999);
    await lastValueFrom(shared$.pipe(exec('b'), exitStatus()));
    await clock.pass(999);
    expect([logins(types()), types().includes('closed')]).toEqual([1, false]);
    await clock.pass(1);
    expect(types().at(-1)).toBe('closed');
    await lastValueFrom(shared$.pipe(exec('c'), exitStatus()));
    expect(logins(types())).toBe(2);
    await clock.pass(1000);
  });

  it.each(['while somebody uses it', 'while it lingers'])(
    'forgets a client that dies %s',
    async (when) => {
      const clock = new Clock();
      const { client$, types, ends } = embedded((asked, command) =>
        command === 'wait' ? NEVER : respond(asked, { stdout: command }),
      );
      const shared$ = client$.pipe(shareClient({ linger: 1000, scheduler: clock }));
      await lastValueFrom(shared$.pipe(exec('a'), exitStatus()));
      const using = when === 'while it lingers' ? undefined : allOf(shared$.pipe(exec('wait')));
      await turn();
      ends[0]?.destroy();
      await turn();
      expect((await using)?.map(comparable) ?? []).toEqual(
        using === undefined ? [] : ['SshError connection-lost'],
      );
      expect(await lastValueFrom(shared$.pipe(exec('b'), text()))).toBe('b');
      expect(logins(types())).toBe(2);
      await clock.pass(1000);
    },
  );

  it('shares the error of a login that fails, and tries again for the next', async () => {
    let allowed = false;
    const { client$ } = embedded((asked) => respond(asked, {}), {
      server: { authenticate: () => of(allowed) },
    });
    const shared$ = client$.pipe(shareClient({ linger: 10 }));
    const both = await Promise.all([
      allOf(shared$.pipe(exec('a'))),
      allOf(shared$.pipe(exec('b'))),
    ]);
    expect(both.flat().map(comparable)).toEqual(['SshError auth', 'SshError auth']);
    expect(both[0][0]).toBe(both[1][0]);
    allowed = true;
    expect(await firstValueFrom(client$.pipe(exec('c'), exitStatus()))).toBe(0);
  });

  it('does not disturb one user when another leaves', async () => {
    const { client$ } = embedded((asked, command) =>
      command === 'wait' ? NEVER : respond(asked, { stdout: command }),
    );
    const shared$ = client$.pipe(shareClient());
    const other = await connected(shared$);
    shared$.pipe(exec('wait')).subscribe().unsubscribe();
    const leaving = shared$.pipe(exec('wait')).subscribe();
    await turn();
    leaving.unsubscribe();
    expect(await lastValueFrom(other.exec('still here').pipe(text()))).toBe('still here');
  });
});
