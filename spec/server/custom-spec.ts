/** What SSH leaves to names of one's own (RFC 4251 §4.2): channels, channel requests and global requests, with payloads by type. */
import { afterEach, expect, it } from '@jest/globals';
import { firstValueFrom, lastValueFrom, map, mergeMap, of, reduce, take, throwError } from 'rxjs';
import { fields, struct } from '../../src/index.ts';
import { utf8Text } from '../../src/wire/bytes.ts';
import { ask, closePairs, execOf, openSession, pair } from './raw-client.ts';

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
