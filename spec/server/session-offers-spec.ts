/** What a client offers to a session (its agent, its display), and breaks. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { buffer, from, map, mergeMap, type Observable, of, take } from 'rxjs';
import type { Channel } from '../../src/channels/channel.ts';
import type { ChannelOpenAnswer, ChannelOpenRequest } from '../../src/channels/connection.ts';
import { isSshError } from '../../src/errors.ts';
import { breakRequest, x11, x11Req } from '../../src/messages/channel-requests.ts';
import { exitWith } from '../../src/server/exit-result.ts';
import type { ServeOptions } from '../../src/server/options.ts';
import type { ServerSession } from '../../src/server/session.ts';
import { ask, closePairs, openSession, outcomeOf, pair, type Outcome } from './raw-client.ts';

const AGENT = 'auth-agent-req@openssh.com';
const ORIGINATOR = { address: '127.0.0.1', port: 4711 };
const display = (singleConnection = false): Uint8Array =>
  x11Req.encode({
    ...{ singleConnection, authenticationProtocol: 'MIT-MAGIC-COOKIE-1' },
    ...{ authenticationCookie: 'c0ffee', screenNumber: 1 },
  });

afterEach(() => closePairs());

interface Offered {
  readonly isGranted: boolean;
  readonly outcome: Outcome;
  /** What the server has opened. */
  readonly opened: readonly ChannelOpenRequest[];
}

/** Offers something to a shell, whose channels to it are answered by what it sends in capitals. */
async function offer(
  options: Partial<ServeOptions>,
  type: string,
  payload?: Uint8Array,
): Promise<Offered> {
  const opened: ChannelOpenRequest[] = [];
  const accept = (request: ChannelOpenRequest): ChannelOpenAnswer => {
    opened.push(request);
    return {
      accept: true,
      opened: (channel) => {
        channel.stdin.pump(of(new TextEncoder().encode('here'))).subscribe();
      },
    };
  };
  const channels = { 'auth-agent@openssh.com': accept, x11: accept };
  const { connection } = await pair(options, {}, {}, { channels });
  const session = await openSession(connection);
  const isGranted = await ask(session.channel, type, payload);
  const outcome = outcomeOf(session);
  await ask(session.channel, 'shell');
  return { isGranted, outcome: await outcome, opened };
}

/** Writes what comes on each of the channels, or the kind of the error. */
function tell(session: ServerSession, ...channels: Observable<Channel>[]): Observable<unknown> {
  const first = (channel$: Observable<Channel>): Observable<string> =>
    channel$.pipe(
      mergeMap((channel) => channel.stdout$),
      take(1),
      map((bytes) => new TextDecoder().decode(bytes)),
    );
  return from(channels).pipe(
    mergeMap((channel$) => settled(first(channel$)), 1),
    mergeMap((text) => session.stdout.pump(`${text} `), 1),
  );
}

function settled(text$: Observable<string>): Promise<string> {
  return new Promise((resolve) => {
    text$.subscribe({
      next: resolve,
      error: (error: unknown) => resolve(isSshError(error) ? error.kind : String(error)),
    });
  });
}

describe('an agent', () => {
  const shell = (session: ServerSession): Observable<unknown> =>
    tell(session, session.agent$, session.agent$);
  const handlers = { shell: (session: ServerSession) => shell(session).pipe(exitWith(0)) };

  it('that was offered and allowed is reached by a channel each time', async () => {
    const { isGranted, outcome, opened } = await offer({ ...handlers, agent: true }, AGENT);
    expect([isGranted, outcome.stdout]).toEqual([true, 'here here ']);
    expect(opened.map(({ type }) => type)).toEqual(Array(2).fill('auth-agent@openssh.com'));
  });

  it.each<readonly [string, ServeOptions['agent'], boolean]>([
    ['nobody', undefined, false],
    ['whom a function lets', ({ user }): boolean => user === 'alice', true],
    ['whom a function does not let', (): boolean => false, false],
    ['nobody, by what is not true', (() => 'yes') as unknown as () => boolean, false],
    [
      'nobody, by a throw',
      (): boolean => {
        throw new Error('no');
      },
      false,
    ],
  ])('is for %s', async (_name, agent, isAllowed) => {
    const options = agent === undefined ? handlers : { ...handlers, agent };
    const { isGranted, outcome, opened } = await offer(options, AGENT);
    expect(isGranted).toBe(isAllowed);
    expect(outcome.stdout).toBe(isAllowed ? 'here here ' : 'request-refused request-refused ');
    expect(opened).toHaveLength(isAllowed ? 2 : 0);
  });

  it('that was not offered is not asked for (C11)', async () => {
    const { outcome, opened } = await offer({ ...handlers, agent: true }, 'env');
    expect([outcome.stdout, opened]).toEqual(['request-refused request-refused ', []]);
  });
});

describe('a display', () => {
  const shell = (session: ServerSession): Observable<unknown> =>
    tell(session, session.openX11(ORIGINATOR), session.openX11(ORIGINATOR));
  const handlers = { shell: (session: ServerSession) => shell(session).pipe(exitWith(0)) };

  it('that was offered and allowed is reached, with the originator', async () => {
    const shown: unknown[] = [];
    const { isGranted, outcome, opened } = await offer(
      {
        shell: (session) => {
          shown.push(session.x11?.screenNumber);
          return shell(session).pipe(exitWith(0));
        },
        x11: ({ authenticationCookie }) => shown.push(authenticationCookie) > 0,
      },
      'x11-req',
      display(),
    );
    expect([isGranted, outcome.stdout, shown]).toEqual([true, 'here here ', ['c0ffee', 1]]);
    expect(opened.map(({ payload }) => x11.decode(payload))).toEqual(
      Array(2).fill({ originatorAddress: '127.0.0.1', originatorPort: 4711 }),
    );
  });

  it('for a single connection is reached once', async () => {
    const { outcome } = await offer({ ...handlers, x11: true }, 'x11-req', display(true));
    expect(outcome.stdout).toBe('here request-refused ');
  });

  it('is for nobody unless told otherwise', async () => {
    const { isGranted, outcome, opened } = await offer(handlers, 'x11-req', display());
    expect([isGranted, opened]).toEqual([false, []]);
    expect(outcome.stdout).toBe('request-refused request-refused ');
  });
});

describe('a break', () => {
  it('is granted when the handler listens, and refused otherwise', async () => {
    const { connection } = await pair({
      exec: (session, command) =>
        command === 'listen'
          ? session.breaks$.pipe(
              buffer(session.signals$),
              take(1),
              mergeMap((lengths) => session.stdout.pump(lengths.join())),
              exitWith(0),
            )
          : session.signals$.pipe(map(() => 0)),
    });
    const send = async (command: string): Promise<readonly unknown[]> => {
      const session = await openSession(connection);
      const outcome = outcomeOf(session);
      const { channel } = session;
      const before = await ask(channel, 'break', breakRequest.encode({ length: 1 }));
      await ask(
        channel,
        'exec',
        new Uint8Array([0, 0, 0, command.length, ...Buffer.from(command)]),
      );
      const during = [
        await ask(channel, 'break', breakRequest.encode({ length: 500 })),
        await ask(channel, 'break', breakRequest.encode({ length: 0 })),
      ];
      channel.notify('signal', new Uint8Array([0, 0, 0, 1, 0x58]));
      return [before, during, (await outcome).stdout];
    };
    expect(await send('listen')).toEqual([false, [true, true], '500,0']);
    expect(await send('deaf')).toEqual([false, [false, false], '']);
  });
});
