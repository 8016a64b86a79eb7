/** What SSH leaves to names of one's own (RFC 4251 §4.2): channels, channel requests and global requests, with payloads by type. */
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  finalize,
  firstValueFrom,
  ignoreElements,
  lastValueFrom,
  map,
  merge,
  mergeMap,
  NEVER,
  of,
  reduce,
  Subject,
  type Subscription,
  take,
  throwError,
  toArray,
} from 'rxjs';
import type { ChannelOpenAnswer } from '../../src/channels/connection.ts';
import type { ServeOptions } from '../../src/server/options.ts';
import { fields, struct } from '../../src/index.ts';
import { utf8Text } from '../../src/wire/bytes.ts';
import { ask, closePairs, execOf, openSession, type Pair, pair, serverWith } from './raw-client.ts';

const ROOM = 'chat@example.org';
const room = struct('room', { name: fields.utf8, seats: fields.uint32 });

afterEach(() => closePairs());

it('a channel of its own type, by what its payload says', async () => {
  const { connection } = await pair({
    channels: {
      [ROOM]: ({ payload }, { user }) => {
        const { name, seats } = room.decode(payload);
        if (seats === 0) return { accept: false, description: 'full' };
        return of({
          accept: true,
          opened: (channel) => {
            channel.stdin.pump(`${user ?? ''} in ${name}`).subscribe();
          },
        });
      },
    },
  });
  const enter = (payload: Uint8Array): Promise<string> =>
    firstValueFrom(
      connection.openChannel(ROOM, payload).pipe(
        mergeMap((channel) => channel.stdout$),
        map(utf8Text),
      ),
    );
  expect(await enter(room.encode({ name: 'hall', seats: 3 }))).toBe('alice in hall');
  await expect(enter(room.encode({ name: 'hall', seats: 0 }))).rejects.toMatchObject({
    ...{ kind: 'channel-open', detail: { description: 'full' } },
  });
  await expect(enter(new Uint8Array(3))).rejects.toMatchObject({ kind: 'channel-open' });
});

describe('the work of a channel of its own type', () => {
  const echo: ServeOptions = {
    ...serverWith(),
    channels: {
      [ROOM]: () => ({ accept: true, opened: (channel) => channel.stdin.pump(channel.stdout$) }),
    },
  };

  it('closes it when it ends', async () => {
    const { connection, events } = await pair(echo);
    const heard$ = connection.openChannel(ROOM).pipe(
      mergeMap(({ stdin, stdout$ }) => merge(stdin.pump('hello').pipe(ignoreElements()), stdout$)),
      map(utf8Text),
      toArray(),
    );
    expect(await firstValueFrom(heard$)).toEqual(['hello']);
    expect(events.map(({ type }) => type)).not.toContain('handler-error');
  });

  it.each<readonly [string, (pair: Pair, channel: Subscription) => void]>([
    ['its channel', (_, channel) => channel.unsubscribe()],
    ['the connection', ({ client }) => client.unsubscribe()],
  ])('ends with %s, without a word', async (_, end) => {
    const over = new Subject<void>();
    const both = await pair({
      channels: {
        [ROOM]: () => ({
          accept: true,
          opened: ({ stdin, stdout$ }) =>
            merge(NEVER, stdin.pump(stdout$)).pipe(finalize(() => over.complete())),
        }),
      },
    });
    const isOver = lastValueFrom(over, { defaultValue: undefined });
    await new Promise<void>((resolve) => {
      const channel = both.connection.openChannel(ROOM).subscribe({
        next: () => {
          setImmediate(() => end(both, channel));
          resolve();
        },
        error: () => undefined,
      });
    });
    await isOver;
    both.client.unsubscribe();
    await both.ended;
    expect(both.events.map(({ type }) => type)).not.toContain('handler-error');
  });

  it.each<readonly [string, () => unknown]>([
    ['errors', () => throwError(() => new Error('no'))],
    [
      'is not begun',
      () => {
        throw new Error('no');
      },
    ],
  ])('that %s ends the channel alone, and is told', async (_, opened) => {
    const { connection, events } = await pair({
      channels: { [ROOM]: () => ({ accept: true, opened }) },
    });
    for (let i = 0; i < 2; i++) await lastValueFrom(connection.openChannel(ROOM));
    const told = events.filter(({ type }) => type === 'handler-error');
    expect(told).toMatchObject([{ error: { message: 'no' } }, { error: { message: 'no' } }]);
  });
});

it.each<unknown>([undefined, null, 'yes', true, {}, { accept: 'true' }, { accept: 1 }])(
  'a channel is refused by %j',
  async (answer) => {
    const handler = (() => answer) as () => ChannelOpenAnswer;
    const { connection } = await pair({ channels: { [ROOM]: handler } });
    for (let i = 0; i < 2; i++)
      await expect(firstValueFrom(connection.openChannel(ROOM))).rejects.toMatchObject({
        ...{ kind: 'channel-open', detail: { reasonCode: 1 } },
      });
  },
);

it('a global request, with a reply by type', async () => {
  const { connection } = await pair({
    globalRequests: {
      [ROOM]: ({ payload }) => {
        const { name, seats } = room.decode(payload);
        return of(room.encode({ name: name.toUpperCase(), seats: seats + 1 }));
      },
      'no@example.org': () => throwError(() => new Error('no')),
    },
  });
  const request = (name: string, payload: Uint8Array): Promise<unknown> =>
    firstValueFrom(
      connection.globalRequests.request(name, payload).pipe(map((reply) => room.decode(reply))),
    );
  const hall = room.encode({ name: 'hall', seats: 3 });
  expect(await request(ROOM, hall)).toEqual({ name: 'HALL', seats: 4 });
  for (const [name, payload] of [
    [ROOM, hall.subarray(1)],
    ['no@example.org', hall],
    ['toString', hall],
  ] as const)
    await expect(request(name, payload)).rejects.toMatchObject({ kind: 'request-refused' });
});

it('a request on a session, which its handler hears of', async () => {
  const seats: number[] = [];
  const { connection } = await pair({
    requests: {
      [ROOM]: ({ payload }, session) => {
        seats.push(room.decode(payload).seats);
        return session.user === 'alice';
      },
    },
    exec: (session) =>
      session.stdin$.pipe(
        reduce((sum, { length }) => sum + length, 0),
        take(1),
        map(() => seats.length),
      ),
  });
  const { channel, requests } = await openSession(connection);
  expect(await ask(channel, ROOM, room.encode({ name: '', seats: 7 }))).toBe(true);
  expect(await ask(channel, ROOM, new Uint8Array(1))).toBe(false);
  expect(await ask(channel, 'exec', execOf('count'))).toBe(true);
  channel.end();
  await lastValueFrom(channel.closed$);
  expect([seats, requests.map(({ type }) => type)]).toEqual([[7], ['exit-status']]);
});
