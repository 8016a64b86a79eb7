import { afterEach, describe, expect, it } from '@jest/globals';
import {
  concat,
  EMPTY,
  finalize,
  firstValueFrom,
  lastValueFrom,
  map,
  NEVER,
  Observable,
  type ObservableInput,
  of,
  Subject,
  take,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { isSshError } from '../../src/errors.ts';
import { ptyReq, signal, subsystem, windowChange } from '../../src/messages/channel-requests.ts';
import { holdCredit } from '../../src/operators/credit.ts';
import type { ConnectionEvent } from '../../src/server/events.ts';
import type { ExitResult } from '../../src/server/exit-result.ts';
import type { ServeOptions } from '../../src/server/options.ts';
import type { ServerSession } from '../../src/server/session.ts';
import { utf8Bytes } from '../../src/wire/bytes.ts';
import { ask, closePairs, envOf, execOf, openSession, outcomeOf, pair, run } from './raw-client.ts';

afterEach(closePairs);

const status = (value: number): unknown => [{ type: 'exit-status', value }];

/** Errors of handlers that the server has told of. */
function handlerErrors(events: readonly ConnectionEvent[]): unknown[] {
  return events.flatMap((event) => (event.type === 'handler-error' ? [event.error] : []));
}

describe('the exit of a handler', () => {
  const signalled = {
    ...{ signal: 'TERM', coreDumped: true },
    ...{ errorMessage: 'ended', languageTag: '' },
  };
  it.each<readonly [string, () => ObservableInput<ExitResult>, unknown]>([
    ['a status', () => of(7), status(7)],
    ['a status as an object', () => of({ status: 255 }), status(255)],
    ['a promise', () => Promise.resolve(3), status(3)],
    ['an array', () => [4], status(4)],
    ['a late status', () => timer(20).pipe(map(() => 5)), status(5)],
    [
      'a signal',
      () => of({ signal: 'TERM', coreDumped: true, errorMessage: 'ended' }),
      [{ type: 'exit-signal', value: signalled }],
    ],
    ['two values', () => of(1, 2), status(1)],
    [
      'a value and an error',
      () =>
        concat(
          of(6),
          throwError(() => new Error('no')),
        ),
      status(6),
    ],
    ['nothing', () => EMPTY, []],
  ])('%s', async (_name, exec, requests) => {
    const { connection } = await pair({ exec });
    expect(await run(connection, 'x')).toEqual({ stdout: '', stderr: '', requests });
  });

  it.each<readonly [string, () => unknown]>([
    ['an error', () => throwError(() => new Error('no'))],
    ['a rejection', () => Promise.reject(new Error('no'))],
    ['a text', () => of('0')],
    ['a truth', () => of(true)],
    ['an empty object', () => of({})],
    ['a negative status', () => of(-1)],
    ['no number', () => of(Number.NaN)],
    ['nothing at all', () => of(undefined)],
  ])('%s is status 255 and an event', async (_name, exec) => {
    const { connection, events } = await pair({ exec: exec as ServeOptions['exec'] & object });
    expect(await run(connection, 'x')).toEqual({ stdout: '', stderr: '', requests: status(255) });
    expect(handlerErrors(events)).toHaveLength(1);
  });

  it.each<readonly [string, (() => unknown) | undefined, number]>([
    ['no handler', undefined, 0],
    [
      'a throw',
      () => {
        throw new Error('no');
      },
      1,
    ],
    ['a number that is not emitted', () => 0, 1],
    ['null', () => null, 1],
  ])('%s refuses the request, and another can follow', async (_name, exec, errors) => {
    const { connection, events } = await pair({
      ...(exec === undefined ? {} : { exec: exec as ServeOptions['exec'] & object }),
      shell: () => of(9),
    });
    const session = await openSession(connection);
    expect(await ask(session.channel, 'exec', execOf('x'))).toBe(false);
    expect(handlerErrors(events)).toHaveLength(errors);
    const outcome = outcomeOf(session);
    expect(await ask(session.channel, 'shell')).toBe(true);
    expect((await outcome).requests).toEqual(status(9));
  });

  it.each([null, 3, 'done'])(
    '%p in place of an observable is told of as such',
    async (returned) => {
      const { connection, events } = await pair({ exec: (() => returned) as never });
      const session = await openSession(connection);
      expect(await ask(session.channel, 'exec', execOf('x'))).toBe(false);
      expect(handlerErrors(events)).toEqual([
        expect.objectContaining({ kind: 'config', message: expect.stringContaining('returned') }),
      ]);
    },
  );

  it('never: the session lasts until the client ends it', async () => {
    let isLetGo = false;
    const { connection, events } = await pair({
      exec: () => NEVER.pipe(finalize(() => (isLetGo = true))),
    });
    const session = await openSession(connection);
    expect(await ask(session.channel, 'exec', execOf('x'))).toBe(true);
    session.channel.close();
    await firstValueFrom(session.channel.closed$);
    expect(isLetGo).toBe(true);
    expect(events.at(-1)?.type).toBe('session-closed');
  });

  it('a handler that throws when it is let go stops nothing', async () => {
    const { connection, events } = await pair({
      exec: () =>
        new Observable(() => () => {
          throw new Error('teardown');
        }),
    });
    const session = await openSession(connection);
    await ask(session.channel, 'exec', execOf('x'));
    session.channel.close();
    await firstValueFrom(session.channel.closed$);
    expect(handlerErrors(events)).toHaveLength(1);
    const next = await openSession(connection);
    expect(next.channel.isOpen).toBe(true);
  });
});

describe('what a session is asked for', () => {
  it('starts once', async () => {
    const { connection } = await pair({ exec: () => NEVER, shell: () => NEVER });
    const { channel } = await openSession(connection);
    expect(await ask(channel, 'exec', execOf('x'))).toBe(true);
    expect(await ask(channel, 'exec', execOf('x'))).toBe(false);
    expect(await ask(channel, 'shell')).toBe(false);
  });

  it('is one of the subsystems that there are', async () => {
    const names: (string | undefined)[] = [];
    const { connection } = await pair({
      subsystems: {
        echo: (session) => {
          names.push(session.kind, session.subsystem, session.command);
          return of(0);
        },
      },
    });
    const request = async (name: string): Promise<boolean> =>
      ask((await openSession(connection)).channel, 'subsystem', subsystem.encode({ name }));
    expect(await request('echo')).toBe(true);
    expect(await request('toString')).toBe(false);
    expect(await request('')).toBe(false);
    expect(names).toEqual(['subsystem', 'echo', undefined]);
  });

  it('gives the handler its command as text and as bytes, its variables and its user', async () => {
    let seen: readonly unknown[] = [];
    const { connection } = await pair({
      acceptEnv: ['LC_*'],
      exec: (session, command) => {
        const { kind, user, env, commandBytes, pty } = session;
        seen = [command, commandBytes, kind, user, [...env], session.command, pty];
        return of(0);
      },
    });
    const { channel } = await openSession(connection);
    expect(await ask(channel, 'env', envOf('LC_ALL', 'C'))).toBe(true);
    expect(await ask(channel, 'env', envOf('LD_PRELOAD', '/x.so'))).toBe(false);
    expect(await ask(channel, 'env', new Uint8Array([0, 0, 0, 9]))).toBe(false);
    const bytes = new Uint8Array([0x69, 0xff]);
    expect(await ask(channel, 'exec', execOf(bytes))).toBe(true);
    expect(seen).toEqual([
      'i\ufffd',
      bytes,
      'exec',
      'alice',
      [['LC_ALL', 'C']],
      'i\ufffd',
      undefined,
    ]);
  });

  it('answers in order, however long the answers take', async () => {
    const order: string[] = [];
    const { connection } = await pair({
      exec: () => NEVER,
      requests: {
        'slow@example.org': () => timer(60).pipe(map(() => true)),
        'less-slow@example.org': () => timer(30).pipe(map(() => false)),
        'mute@example.org': () => EMPTY,
      },
    });
    const { channel } = await openSession(connection);
    const request = async (type: string, payload?: Uint8Array): Promise<void> => {
      order.push(`${type} ${await ask(channel, type, payload)}`);
    };
    await Promise.all([
      request('slow@example.org'),
      request('less-slow@example.org'),
      request('mute@example.org'),
      request('exec', execOf('x')),
      request('unknown@example.org'),
    ]);
    expect(order).toEqual([
      ...['slow@example.org true', 'less-slow@example.org false', 'mute@example.org false'],
      ...['exec true', 'unknown@example.org false'],
    ]);
  });

  const terminal = ptyReq.encode({
    ...{ term: 'vt100', columns: 80, rows: 24, widthPixels: 0, heightPixels: 0 },
    terminalModes: new Uint8Array(0),
  });
  const wide = windowChange.encode({ columns: 132, rows: 50, widthPixels: 0, heightPixels: 0 });

  it.each<readonly [string, ServeOptions['pty'], boolean]>([
    ['nobody', undefined, false],
    ['everybody', true, true],
    ['whom a function lets', (pty): boolean => pty.term === 'vt100', true],
    ['whom a function does not let', (): boolean => false, false],
    [
      'nobody, by what is not true',
      (() => Promise.resolve(true)) as unknown as () => boolean,
      false,
    ],
    [
      'nobody, by a throw',
      (): boolean => {
        throw new Error('no');
      },
      false,
    ],
  ])('gives a terminal to %s', async (_name, pty, isGranted) => {
    const { connection } = await pair(pty === undefined ? {} : { pty });
    const { channel } = await openSession(connection);
    expect(await ask(channel, 'pty-req', terminal)).toBe(isGranted);
    expect(await ask(channel, 'window-change', wide)).toBe(isGranted);
  });

  it('tells of new sizes', async () => {
    const sizes: unknown[] = [];
    const { connection } = await pair({
      pty: true,
      shell: (session) =>
        session.windowChange$.pipe(
          take(1),
          map(({ columns }) => {
            sizes.push(columns, session.pty?.columns, session.pty?.term);
            return 0;
          }),
        ),
    });
    const session = await openSession(connection);
    const outcome = outcomeOf(session);
    await ask(session.channel, 'pty-req', terminal);
    await ask(session.channel, 'shell');
    session.channel.notify('window-change', wide);
    expect((await outcome).requests).toEqual(status(0));
    expect(sizes).toEqual([132, 132, 'vt100']);
  });

  it('tells of signals, also of those that come with the command', async () => {
    const { connection } = await pair({
      exec: (session) =>
        session.signals$.pipe(
          take(2),
          map((name) => ({ signal: name })),
        ),
    });
    const session = await openSession(connection);
    const outcome = outcomeOf(session);
    const started = ask(session.channel, 'exec', execOf('x'));
    session.channel.notify('signal', signal.encode({ name: 'USR1' }));
    await started;
    expect((await outcome).requests).toMatchObject([
      { type: 'exit-signal', value: { signal: 'USR1' } },
    ]);
  });
});

describe('session channels', () => {
  it('are 10 at a time unless told otherwise', async () => {
    const { connection } = await pair();
    const sessions = [];
    for (let i = 0; i < 10; i++) sessions.push(await openSession(connection));
    const eleventh: unknown = await openSession(connection).catch((error: unknown) => error);
    expect(isSshError(eleventh, 'channel-open') && eleventh.detail.reasonCode).toBe(4);
    expect(sessions.every(({ channel }) => channel.isOpen)).toBe(true);
    sessions[3]?.subscription.unsubscribe();
    await firstValueFrom(sessions[3]!.channel.closed$);
    expect((await openSession(connection)).channel.isOpen).toBe(true);
  });

  it('are refused after no-more-sessions@openssh.com', async () => {
    const { connection } = await pair();
    const first = await openSession(connection);
    connection.globalRequests.notify('no-more-sessions@openssh.com');
    const refused: unknown = await openSession(connection).catch((error: unknown) => error);
    expect(isSshError(refused, 'channel-open') && refused.detail.reasonCode).toBe(1);
    expect(first.channel.isOpen).toBe(true);
  });

  it('end with the connection: handlers are let go', async () => {
    let letGo = 0;
    const { connection, client, events, ended } = await pair({
      exec: () => new Observable(() => () => letGo++),
    });
    for (let i = 0; i < 3; i++) {
      await ask((await openSession(connection)).channel, 'exec', execOf('x'));
    }
    client.unsubscribe();
    await ended;
    expect(letGo).toBe(3);
    expect(events.slice(-4).map((event) => event.type)).toEqual([
      ...['session-closed', 'session-closed', 'session-closed', 'closed'],
    ]);
  });

  it('end when the server is let go in the midst of an event', async () => {
    let letGo = 0;
    const sessions: ServerSession[] = [];
    const { connection, client, server } = await pair({
      exec: (session) => {
        sessions.push(session);
        return new Observable(() => {
          server.unsubscribe();
          return () => letGo++;
        });
      },
    });
    const session = await openSession(connection);
    await ask(session.channel, 'exec', execOf('x'));
    await firstValueFrom(session.channel.closed$);
    expect(letGo).toBe(1);
    expect(sessions[0]?.channel.isOpen).toBe(false);
    client.unsubscribe();
  });
});

describe('output', () => {
  it('comes before the exit, however slow the client', async () => {
    const { connection } = await pair({
      outputGrace: 50,
      exec: (session) =>
        new Observable((out) => {
          out.add(session.stdout.pump(utf8Bytes('x'.repeat(300_000))).subscribe());
          out.next(0);
        }),
    });
    const { channel, requests } = await openSession(connection, { window: 32_768 });
    let received = 0;
    const done = lastValueFrom(
      channel.stdout$.pipe(
        tap((chunk) => {
          setTimeout(holdCredit(), 20);
          received += chunk.length;
          expect(requests).toEqual([]);
        }),
      ),
    );
    await ask(channel, 'exec', execOf('x'));
    await done;
    expect(received).toBe(300_000);
    expect(await firstValueFrom(channel.closed$)).toBeUndefined();
    expect(requests.map(({ type }) => type)).toEqual(['exit-status']);
  });

  it('of a source that is silent holds the exit back for the grace only', async () => {
    const { connection } = await pair({
      outputGrace: 30,
      exec: (session) =>
        new Observable((out) => {
          const lines = new Subject<string>();
          out.add(session.stdout.pump(lines).subscribe());
          lines.next('bye');
          out.next(0);
        }),
    });
    expect(await run(connection, 'x')).toEqual({ stdout: 'bye', stderr: '', requests: status(0) });
  });

  it('made of stdin ends with the exit', async () => {
    const { connection } = await pair({
      outputGrace: 0,
      exec: (session) =>
        new Observable((out) => {
          out.add(
            session.stdout
              .pump(session.stdin$)
              .subscribe({ next: (sent) => sent > 0 && out.next(2) }),
          );
        }),
    });
    const session = await openSession(connection);
    const outcome = outcomeOf(session);
    await ask(session.channel, 'exec', execOf('x'));
    session.channel.stdin.pump('hello', { end: false }).subscribe();
    expect(await outcome).toEqual({ stdout: 'hello', stderr: '', requests: status(2) });
  });

  it('that breaks leaves the word to the handler', async () => {
    const { connection } = await pair({
      exec: (session) =>
        new Observable((out) => {
          const broken = throwError(() => new Error('disk'));
          out.add(
            session.stdout.pump(broken).subscribe({
              error: () =>
                out.add(session.stderr.pump('disk\n').subscribe({ complete: () => out.next(3) })),
            }),
          );
        }),
    });
    expect(await run(connection, 'x')).toEqual({
      stdout: '',
      stderr: 'disk\n',
      requests: status(3),
    });
  });

  it('errors when the client reads no more, and nothing hangs', async () => {
    const errors: unknown[] = [];
    const { connection } = await pair({
      exec: (session) =>
        new Observable((out) => {
          const endless = timer(0, 1).pipe(map(() => 'y\n'));
          out.add(
            session.stdout.pump(endless).subscribe({
              error: (error: unknown) => {
                errors.push(error);
                out.next({ signal: 'PIPE' });
              },
            }),
          );
        }),
    });
    const session = await openSession(connection);
    const outcome = outcomeOf(session);
    await ask(session.channel, 'exec', execOf('yes'));
    session.channel.notify('eow@openssh.com');
    expect((await outcome).requests).toMatchObject([{ type: 'exit-signal' }]);
    expect(errors).toEqual([expect.objectContaining({ kind: 'released' })]);
  });

  it('can end before the handler does', async () => {
    const { connection } = await pair({
      exec: (session) =>
        new Observable((out) => {
          out.add(session.stdout.pump('all').subscribe());
          session.endOutput();
          session.stdout.pump('more').subscribe({ error: () => undefined });
          // half-closed: the client still sends
          let heard = '';
          out.add(
            session.stdin$.subscribe({
              next: (chunk) => (heard += String.fromCharCode(...chunk)),
              complete: () => out.next(heard === 'late' ? 0 : 1),
            }),
          );
        }),
    });
    const session = await openSession(connection);
    const { channel } = session;
    const stdout = lastValueFrom(channel.stdout$);
    await ask(channel, 'exec', execOf('x'));
    expect(await stdout).toEqual(utf8Bytes('all'));
    expect(channel.isOpen).toBe(true);
    await lastValueFrom(channel.stdin.pump('late'));
    await firstValueFrom(channel.closed$);
    expect(session.requests.map(({ payload }) => [...payload])).toEqual([[0, 0, 0, 0]]);
  });
});
