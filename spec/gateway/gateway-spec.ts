import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  concat,
  concatMap,
  EMPTY,
  firstValueFrom,
  ignoreElements,
  lastValueFrom,
  map,
  merge,
  mergeMap,
  NEVER,
  Observable,
  of,
  reduce,
  ReplaySubject,
  Subject,
  take,
  tap,
  throwError,
  toArray,
} from 'rxjs';
import { Channel } from '../../src/channels/channel.ts';
import type { SessionChannel } from '../../src/client/session.ts';
import { shareClient } from '../../src/client/with-client.ts';
import { isSshError } from '../../src/errors.ts';
import { exec as execRequest } from '../../src/messages/channel-requests.ts';
import { holdCredit } from '../../src/operators/credit.ts';
import { gateway } from '../../src/gateway/gateway.ts';
import type { ServeOptions } from '../../src/server/options.ts';
import type { SessionHandler } from '../../src/server/session.ts';
import { exitWith } from '../../src/server/exit-result.ts';
import { utf8Text } from '../../src/wire/bytes.ts';
import {
  closeEmbedded,
  connected,
  type Embedded,
  embedded,
  respond,
  turn,
} from '../support/embedded.ts';
import { until } from '../support/processes.ts';

afterEach(() => {
  jest.restoreAllMocks();
  return closeEmbedded();
});

/** A client of a gateway that leads to a server with these handlers. */
function through(handlers: Partial<ServeOptions>): {
  readonly outer: Embedded;
  readonly inner: Embedded;
} {
  const inner = embedded(() => EMPTY, { server: { exec: undefined as never, ...handlers } });
  const inside = gateway(inner.client$);
  const outer = embedded(inside, {
    server: {
      ...{ shell: inside, subsystems: { sftp: inside, other: inside } },
      ...{ pty: true, acceptEnv: ['LC_*'] },
    },
  });
  return { outer, inner };
}

/** A session of the outer client. */
async function session({ client$ }: Embedded): Promise<SessionChannel> {
  const client = await connected(client$);
  return new Promise((resolve, reject) => {
    client.session({ stderr: 'hold' }).subscribe({ next: resolve, error: reject });
  });
}

const granted = (request: Observable<never>): Promise<boolean> =>
  lastValueFrom(request.pipe(map(() => true)), { defaultValue: true }).catch(() => false);

const textOf = (bytes$: Observable<Uint8Array>): Promise<string> =>
  lastValueFrom(bytes$.pipe(reduce((text, bytes) => text + utf8Text(bytes), '')));

describe('gateway', () => {
  it('carries a command: input, both outputs, and the exit', async () => {
    const { outer } = through({
      exec: (session, command) =>
        concat(
          session.stdout.pump(`${command}: `).pipe(ignoreElements()),
          session.stdout.pump(session.stdin$).pipe(ignoreElements()),
          respond(session, { stderr: 'err', exit: 7 }),
        ),
    });
    const client = await connected(outer.client$);
    const { stdout, stderr, exit } = await client.run('echo', { stdin: 'hello' });
    expect([stdout, stderr, exit]).toEqual([
      ...['echo: hello', 'err', { kind: 'status', status: 7 }],
    ]);
  });

  it.each<readonly [string, ReturnType<SessionHandler>, unknown]>([
    ['a status', of(255), { kind: 'status', status: 255 }],
    [
      'a signal',
      of({ signal: 'SEGV', coreDumped: true, errorMessage: 'segmentation fault' }),
      { kind: 'signal', signal: 'SEGV', coreDumped: true, errorMessage: 'segmentation fault' },
    ],
    ['nothing', EMPTY, { kind: 'missing' }],
  ])('carries an exit by %s', async (_name, work, exit) => {
    const { outer } = through({ exec: () => work });
    const client = await connected(outer.client$);
    expect((await client.run('x')).exit).toEqual(exit);
  });

  it('carries the command byte for byte, the allowed variables, and the terminal with its modes', async () => {
    const seen: unknown[] = [];
    const { outer } = through({
      ...{ pty: true, acceptEnv: ['*'] },
      exec: ({ commandBytes, env, pty }) => {
        seen.push([...(commandBytes ?? [])], [...env], pty);
        return of(0);
      },
    });
    const inner = await session(outer);
    const size = { columns: 132, rows: 50, widthPixels: 1, heightPixels: 2 };
    const modes = new Map([[53, 0]]);
    expect(await granted(inner.requestPty({ term: 'vt100', ...size, modes }))).toBe(true);
    inner.setEnv('LC_ALL', 'C');
    inner.setEnv('LD_PRELOAD', '/x.so');
    const command = new Uint8Array([0x66, 0xff, 0xfe]);
    expect(await granted(inner.channel.request('exec', execRequest.encode({ command })))).toBe(
      true,
    );
    expect(await firstValueFrom(inner.exit$)).toEqual({ kind: 'status', status: 0 });
    expect(seen).toEqual([[...command], [['LC_ALL', 'C']], { term: 'vt100', ...size, modes }]);
  });

  it('carries no NUL in a command: sshd would end the connection, which others may share', async () => {
    const { outer, inner } = through({ exec: () => of(0) });
    const { channel } = await session(outer);
    const command = new Uint8Array([0x66, 0]);
    expect(await granted(channel.request('exec', execRequest.encode({ command })))).toBe(false);
    expect(inner.types()).not.toContain('exec');
  });

  it('carries sizes, signals and breaks', async () => {
    const heard = new Subject<unknown>();
    const { outer } = through({
      pty: true,
      shell: (session) =>
        merge(session.windowChange$, session.signals$, session.breaks$).pipe(
          tap((value) => heard.next(value)),
          mergeMap(() => EMPTY),
        ),
    });
    const all = firstValueFrom(heard.pipe(take(3), toArray()));
    const inner = await session(outer);
    await granted(inner.requestPty());
    await granted(inner.shell());
    const size = { columns: 100, rows: 30, widthPixels: 0, heightPixels: 0 };
    inner.resize(size);
    inner.signal('INT');
    expect(await granted(inner.sendBreak(250))).toBe(true);
    expect(await all).toEqual([size, 'INT', 250]);
  });

  it('carries the size that the terminal has by the time that the other server has begun', async () => {
    const begin = new Subject<void>();
    const asked$ = new ReplaySubject<Observable<unknown>>(1);
    const { outer } = through({
      pty: true,
      shell: ({ windowChange$ }) => {
        asked$.next(windowChange$);
        return { started$: begin.pipe(map(() => NEVER)) };
      },
    });
    const asked = await session(outer);
    await granted(asked.requestPty());
    const begun = granted(asked.shell());
    const size = firstValueFrom(await firstValueFrom(asked$));
    const larger = { columns: 132, rows: 50, widthPixels: 0, heightPixels: 0 };
    asked.resize(larger);
    // it arrives while the other server has not answered
    for (let at = 0; at < 4; at++) await turn();
    begin.next();
    expect([await begun, await size]).toEqual([true, larger]);
  });

  it('has the last few sizes and signals wait while the other server does not read', async () => {
    const heard = new Subject<unknown>();
    const { outer } = through({
      pty: true,
      shell: (session) =>
        merge(session.windowChange$, session.signals$).pipe(
          tap((value) => heard.next(value)),
          mergeMap(() => EMPTY),
        ),
    });
    const inner = await session(outer);
    await granted(inner.requestPty());
    await granted(inner.shell());
    const resumes: (() => void)[] = [];
    jest.spyOn(Channel.prototype, 'isWritable', 'get').mockReturnValue(false);
    jest.spyOn(Channel.prototype, 'whenWritable').mockImplementation((go) => resumes.push(go));
    const all = firstValueFrom(heard.pipe(take(17), toArray()));
    const size = (columns: number) => ({ columns, rows: 30, widthPixels: 0, heightPixels: 0 });
    for (let at = 1; at <= 20; at++) {
      inner.resize(size(at));
      inner.signal(`S${String(at)}`);
    }
    // answered behind all of them
    expect(await granted(inner.channel.request('other@example.org'))).toBe(false);
    expect(resumes).toHaveLength(2);
    jest.restoreAllMocks();
    for (const resume of resumes) resume();
    const signals = Array.from({ length: 16 }, (_, at) => `S${String(at + 5)}`);
    expect(await all).toEqual([size(20), ...signals]);
  });

  it('carries a subsystem by its name', async () => {
    const { outer } = through({
      subsystems: { other: (session) => respond(session, { stdout: `is ${session.subsystem}` }) },
    });
    const inner = await session(outer);
    const text = textOf(inner.stdout$);
    expect(await granted(inner.subsystem('other'))).toBe(true);
    expect(await text).toBe('is other');
  });

  it.each<readonly [string, Partial<ServeOptions>, (session: SessionChannel) => Observable<never>]>(
    [
      ['a command', { shell: () => NEVER }, (session) => session.exec('x')],
      ['a shell', { exec: () => NEVER }, (session) => session.shell()],
      ['a subsystem', { exec: () => NEVER }, (session) => session.subsystem('sftp')],
      [
        'a terminal',
        { shell: () => NEVER, pty: false },
        (session) => concat(session.requestPty(), session.shell()),
      ],
    ],
  )('refuses %s that the other server refuses', async (_name, handlers, ask) => {
    const { outer } = through(handlers);
    const inner = await session(outer);
    expect(await granted(ask(inner))).toBe(false);
    expect(outer.events).toContainEqual(
      expect.objectContaining({
        type: 'handler-error',
        error: expect.objectContaining({ kind: 'request-refused' }),
      }),
    );
  });

  it('refuses when the other server cannot be reached, and may be asked again', async () => {
    let tries = 0;
    const far = embedded((session) => respond(session, { stdout: 'there' }));
    const inside = gateway(() =>
      tries++ === 0 ? throwError(() => new Error('away')) : far.client$,
    );
    const outer = embedded(inside);
    const inner = await session(outer);
    expect(await granted(inner.exec('x'))).toBe(false);
    const text = textOf(inner.stdout$);
    expect(await granted(inner.exec('x'))).toBe(true);
    expect(await text).toBe('there');
  });

  it('carries half-closed sessions, either way', async () => {
    const { outer } = through({
      exec: (session, command) =>
        command === 'first'
          ? // its output ends first, and its input goes on
            new Observable((out) => {
              out.add(
                session.stdout.pump('out').subscribe({
                  complete: () => {
                    session.endOutput();
                    out.add(
                      session.stdin$
                        .pipe(reduce((sum, { length }) => sum + length, 0))
                        .subscribe(out),
                    );
                  },
                }),
              );
            })
          : session.stdin$.pipe(
              reduce((sum, { length }) => sum + length, 0),
              concatMap((sum) => session.stdout.pump(`${sum}`)),
              exitWith(3),
            ),
    });
    const first = await session(outer);
    const output = textOf(first.stdout$);
    await granted(first.exec('first'));
    expect(await output).toBe('out');
    first.stdin.pump('12345').subscribe();
    expect(await firstValueFrom(first.exit$)).toEqual({ kind: 'status', status: 5 });

    const client = await connected(outer.client$);
    const { stdout, exit } = await client.run('second', { stdin: '1234567' });
    expect([stdout, exit]).toEqual(['7', { kind: 'status', status: 3 }]);
  });

  it('says that a command reads no more, and that a client does not (eow@openssh.com)', async () => {
    const stopped = new Subject<string>();
    const { outer } = through({
      exec: (session) => {
        session.channel.notify('eow@openssh.com');
        return session.stdout.pump(NEVER).pipe(
          tap({ error: (error: unknown) => stopped.next(isSshError(error) ? error.kind : '') }),
          mergeMap(() => EMPTY),
        );
      },
    });
    const told = firstValueFrom(stopped);
    const inner = await session(outer);
    await granted(inner.exec('x'));
    await firstValueFrom(inner.unread$);
    inner.channel.notify('eow@openssh.com');
    expect(await told).toBe('released');
  });

  it('ends the session of the other server with the client’s, and its connection', async () => {
    let isLetGo = false;
    const { outer, inner } = through({
      exec: () => new Observable(() => () => (isLetGo = true)),
    });
    const channel = await session(outer);
    await granted(channel.exec('x'));
    expect(inner.types()).toContain('exec');
    channel.close();
    await until(() => isLetGo && inner.types().includes('closed'), 'the other side is let go');
  });

  it('errors with status 255 when the other server is lost', async () => {
    const { outer, inner } = through({ exec: () => NEVER });
    const channel = await session(outer);
    await granted(channel.exec('x'));
    inner.ends[0]?.destroy();
    expect(await firstValueFrom(channel.exit$)).toEqual({ kind: 'status', status: 255 });
    expect(outer.events).toContainEqual(
      expect.objectContaining({
        type: 'handler-error',
        error: expect.objectContaining({ kind: 'connection-lost' }),
      }),
    );
  });

  it('is as slow as the slower side', async () => {
    let made = 0;
    const chunk = new Uint8Array(32 * 1024);
    const { outer } = through({
      exec: (session) =>
        session.stdout
          .pump(
            (function* (): Generator<Uint8Array> {
              for (; made < 2_000; made++) yield chunk;
            })(),
          )
          .pipe(exitWith(0)),
    });
    const channel = await session(outer);
    const releases: (() => void)[] = [];
    let received = 0;
    const done = lastValueFrom(
      channel.stdout$.pipe(
        tap(({ length }) => {
          received += length;
          releases.push(holdCredit());
        }),
        ignoreElements(),
      ),
      { defaultValue: undefined },
    );
    await granted(channel.exec('x'));
    let last = -1;
    while (last !== made) {
      last = made;
      for (let turns = 0; turns < 20; turns++) await turn();
    }
    // a window on either way, and what is between them
    expect(made * chunk.length).toBeLessThan(6 * 1024 * 1024);
    const release = setInterval(() => {
      for (const each of releases.splice(0)) each();
    });
    await done;
    clearInterval(release);
    expect(received).toBe(2_000 * chunk.length);
  });

  it('has one connection for all when it is shared', async () => {
    const far = embedded((session, command) => respond(session, { stdout: command }));
    const inside = gateway(far.client$.pipe(shareClient({ linger: 10 })));
    const outer = embedded(inside);
    const client = await connected(outer.client$);
    const texts = await Promise.all(
      ['a', 'b', 'c'].map(async (command) => (await client.run(command)).stdout),
    );
    expect(texts).toEqual(['a', 'b', 'c']);
    expect(far.types().filter((type) => type === 'authenticated')).toHaveLength(1);
  });
});
