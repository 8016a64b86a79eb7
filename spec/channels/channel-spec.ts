import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { firstValueFrom, NEVER, Observable, of, Subject, throwError, toArray } from 'rxjs';
import type { Channel } from '../../src/channels/channel.ts';
import type { ChannelRequest } from '../../src/channels/channel-options.ts';
import { openSession, type SessionChannel } from '../../src/client/session.ts';
import { exitStatus } from '../../src/messages/channel-requests.ts';
import type { Message } from '../../src/messages/catalogue.ts';
import { holdCredit, type Release } from '../../src/operators/credit.ts';
import { utf8Bytes, utf8Text } from '../../src/wire/bytes.ts';
import { Clock } from '../support/clock.ts';
import { turn } from '../support/embedded.ts';
import { comparable } from '../support/marbles.ts';
import {
  closeScripted,
  connectionPair,
  confirmation,
  type Script,
  script,
} from '../support/scripted.ts';

afterEach(closeScripted);

const NOTHING = new Uint8Array(0);

/** Notes what a stream says, as words. */
function record(source: Observable<unknown>): unknown[] {
  const seen: unknown[] = [];
  source.subscribe({
    next: (value) => seen.push(value instanceof Uint8Array ? utf8Text(value) : comparable(value)),
    error: (error: unknown) => seen.push(comparable(error)),
    complete: () => seen.push('complete'),
  });
  return seen;
}

function data(content: string | Uint8Array, recipientChannel = 0): Message {
  const bytes = typeof content === 'string' ? utf8Bytes(content) : content;
  return { type: 'CHANNEL_DATA', recipientChannel, data: bytes };
}

function stderr(content: string, dataTypeCode = 1): Message {
  return {
    type: 'CHANNEL_EXTENDED_DATA',
    recipientChannel: 0,
    dataTypeCode,
    data: utf8Bytes(content),
  };
}

function adjust(bytesToAdd: number): Message {
  return { type: 'CHANNEL_WINDOW_ADJUST', recipientChannel: 0, bytesToAdd };
}

function request(requestType: string, wantReply = true, payload: Uint8Array = NOTHING): Message {
  return { type: 'CHANNEL_REQUEST', recipientChannel: 0, requestType, wantReply, payload };
}

const EOF: Message = { type: 'CHANNEL_EOF', recipientChannel: 0 };
const CLOSE: Message = { type: 'CHANNEL_CLOSE', recipientChannel: 0 };
const SUCCESS: Message = { type: 'CHANNEL_SUCCESS', recipientChannel: 0 };
const FAILURE: Message = { type: 'CHANNEL_FAILURE', recipientChannel: 0 };

function endOf({ connection }: Script): string | undefined {
  return connection.transport.ended?.kind;
}

describe('the end of a session channel', () => {
  const STATUS = request('exit-status', false, exitStatus.encode({ status: 3 }));
  const parts: Readonly<Record<string, Message>> = {
    data: data('x'),
    eof: EOF,
    status: STATUS,
    close: CLOSE,
  };

  function orders<T>(of: readonly T[]): T[][] {
    if (of.length === 0) return [[]];
    return of.flatMap((first) =>
      orders(of.filter((other) => other !== first)).map((rest) => [first, ...rest]),
    );
  }

  async function openScripted(): Promise<{ peer: Script; session: SessionChannel }> {
    const peer = await script();
    const session = new Promise<SessionChannel>((resolve, reject) => {
      openSession(peer.connection).subscribe({ next: resolve, error: reject });
    });
    await turn();
    await peer.say(confirmation(0));
    return { peer, session: await session };
  }

  it.each(
    orders(['data', 'eof', 'status', 'close']).map((order) => [order.join(' '), order] as const),
  )('in the order %s', async (_name, order) => {
    const { peer, session } = await openScripted();
    const seen = {
      stdout: record(session.stdout$),
      exit: record(session.exit$),
      closed: record(session.closed$),
    };
    await peer.say(...order.map((part) => parts[part]!));
    const before = (first: string, second: string): boolean =>
      order.indexOf(first) < order.indexOf(second);
    const isData = before('data', 'eof') && before('data', 'close');
    expect(seen).toEqual({
      // data behind EOF is nobody's
      stdout: [...(isData ? ['x'] : []), 'complete'],
      exit: [
        before('status', 'close') ? { kind: 'status', status: 3 } : { kind: 'missing' },
        'complete',
      ],
      closed: [undefined, 'complete'],
    });
    // what comes behind CLOSE is for a channel that does not exist
    expect(endOf(peer)).toBe(order.at(-1) === 'close' ? undefined : 'protocol');
  });

  it('is connection-lost, and no exit, when the connection ends without CLOSE', async () => {
    const { peer, session } = await openScripted();
    const seen = {
      stdout: record(session.stdout$),
      exit: record(session.exit$),
      closed: record(session.closed$),
    };
    await peer.say(data('x'));
    peer.peer.disconnect();
    await turn();
    expect(seen).toEqual({
      stdout: ['x', 'SshError disconnect'],
      exit: ['SshError disconnect'],
      closed: ['SshError disconnect', 'complete'],
    });
  });

  it('has the status that came first', async () => {
    const { peer, session } = await openScripted();
    const seen = record(session.exit$);
    await peer.say(STATUS, request('exit-status', false, exitStatus.encode({ status: 4 })), CLOSE);
    expect(seen).toEqual([{ kind: 'status', status: 3 }, 'complete']);
  });

  it.each([0, 3, 5])('is a protocol error for a status of %s bytes', async (length) => {
    const { peer, session } = await openScripted();
    const seen = record(session.exit$);
    await peer.say(request('exit-status', false, new Uint8Array(length)));
    expect(seen).toEqual(['SshError protocol']);
    expect(endOf(peer)).toBe('protocol');
  });
});

describe('data of the peer', () => {
  it('glued behind the CONFIRMATION is not lost', async () => {
    const peer = await script();
    const opened = new Promise<Channel>((resolve) =>
      peer.connection.openChannel('session').subscribe(resolve),
    );
    await turn();
    await peer.say(confirmation(0), data('a'), stderr('b'), EOF);
    const channel = await opened;
    await turn();
    expect([record(channel.stdout$), record(channel.stderr$)]).toEqual([
      ['a', 'complete'],
      ['b', 'complete'],
    ]);
    expect(endOf(peer)).toBeUndefined();
  });

  it('is granted when it was taken, not when it came', async () => {
    const peer = await script();
    const { channel } = await peer.openChannel({ window: 1000, budget: 500 });
    const releases: Release[] = [];
    channel.stdout$.subscribe({
      next: () => releases.push(holdCredit()),
      error: () => undefined,
    });
    await peer.say(data(new Uint8Array(500)), data(new Uint8Array(500)));
    expect([peer.take(), releases.length]).toEqual([[], 1]);
    releases[0]?.();
    await turn();
    expect(peer.of('CHANNEL_WINDOW_ADJUST').map(({ bytesToAdd }) => bytesToAdd)).toEqual([500]);
  });

  it.each([
    ['grows on a long way', 50, 50, 256],
    ['stays as it is on a short one', 2, 2, 1],
    ['grows once where only the opening took long', 50, 2, 2],
  ])('has a window that %s', async (_what, opening, way, growth) => {
    const WINDOW = 64 * 1024;
    const clock = new Clock();
    const peer = await script({ transport: { scheduler: clock } });
    const opened: Channel[] = [];
    const subscription = peer.connection
      .openChannel('session', undefined, { window: WINDOW })
      .subscribe((channel) => opened.push(channel));
    await clock.pass(opening);
    await peer.say({
      ...{ type: 'CHANNEL_OPEN_CONFIRMATION', recipientChannel: 0, senderChannel: 7 },
      ...{ initialWindowSize: 0, maximumPacketSize: 1000, payload: new Uint8Array(0) },
    });
    subscription.add(opened[0]?.stdout$.subscribe());
    let mayBeSent = WINDOW;
    for (let round = 0; round < 12; round++) {
      peer.take();
      while (mayBeSent > 0) {
        const data = new Uint8Array(Math.min(mayBeSent, WINDOW / 8));
        mayBeSent -= data.length;
        await peer.say({ type: 'CHANNEL_DATA', recipientChannel: 0, data });
      }
      await clock.pass(way);
      for (const { bytesToAdd } of peer.of('CHANNEL_WINDOW_ADJUST')) mayBeSent += bytesToAdd;
    }
    expect(opened[0]?.windowSize).toBe(growth * WINDOW);
    subscription.unsubscribe();
  });

  it('may be a whole window and not a byte more', async () => {
    const peer = await script();
    await peer.openChannel({ window: 1000 });
    await peer.say(data(new Uint8Array(600)), stderr('x'.repeat(400)));
    expect(endOf(peer)).toBeUndefined();
    await peer.say(data('x'));
    expect(endOf(peer)).toBe('protocol');
  });

  it.each([
    [32 * 1024, undefined],
    [32 * 1024 + 1, 'protocol'],
  ])('in one packet may be %s bytes: %s', async (length, end) => {
    const peer = await script();
    await peer.openChannel();
    await peer.say(data(new Uint8Array(length)));
    expect(endOf(peer)).toBe(end);
  });

  it('of an unknown extended type is consumed', async () => {
    const peer = await script();
    const { channel } = await peer.openChannel({ window: 100 });
    const seen = record(channel.stdout$);
    for (let round = 0; round < 5; round++) await peer.say(stderr('x'.repeat(60), 7));
    await peer.say(data('a'));
    expect(seen).toEqual(['a']);
    expect(peer.of('CHANNEL_WINDOW_ADJUST').length).toBeGreaterThan(3);
  });

  it('on a stderr that nobody reads does not stop stdout', async () => {
    const clock = new Clock();
    const peer = await script({ transport: { scheduler: clock } });
    const { channel } = await peer.openChannel({ window: 100 });
    const seen = record(channel.stdout$);
    await clock.pass(0);
    for (let round = 0; round < 5; round++) await peer.say(stderr('x'.repeat(60)));
    await peer.say(data('a'));
    expect(seen).toEqual(['a']);
  });

  it('that crosses our CLOSE is dropped, and the end is in good order', async () => {
    const peer = await script();
    const { channel } = await peer.openChannel();
    const seen = { stdout: record(channel.stdout$), closed: record(channel.closed$) };
    channel.close();
    await peer.say(data('a'), EOF, CLOSE);
    expect(seen).toEqual({ stdout: ['complete'], closed: [undefined, 'complete'] });
    expect([peer.take(), peer.connection.channelCount, endOf(peer)]).toEqual([
      ['CHANNEL_CLOSE'],
      0,
      undefined,
    ]);
  });

  it('that was received before the end of the connection comes before the error', async () => {
    const peer = await script();
    const { channel } = await peer.openChannel();
    await peer.say(data('a'), stderr('b'));
    peer.peer.disconnect();
    await turn();
    expect([record(channel.stdout$), record(channel.stderr$)]).toEqual([
      ['a', 'SshError disconnect'],
      ['b', 'SshError disconnect'],
    ]);
  });
});

describe('data for the peer', () => {
  it('waits for the window, and is cut to it and to the packet size', async () => {
    const peer = await script();
    const { channel } = await peer.openChannel({}, { windowSize: 0, maximumPacketSize: 3 });
    const seen = record(channel.stdin.pump('hello world'));
    await turn();
    expect([peer.received, seen]).toEqual([[], []]);
    await peer.say(adjust(7));
    expect(peer.of('CHANNEL_DATA').map((message) => utf8Text(message.data))).toEqual([
      'hel',
      'lo ',
      'w',
    ]);
    peer.take();
    await peer.say(adjust(0), adjust(1000));
    expect(
      peer.received.map((message) => ('data' in message ? utf8Text(message.data) : message.type)),
    ).toEqual(['orl', 'd', 'CHANNEL_EOF']);
    expect(seen.slice(-2)).toEqual([11, 'complete']);
  });

  it('goes in packets of one byte where the peer takes no more', async () => {
    const peer = await script();
    const { channel } = await peer.openChannel({}, { maximumPacketSize: 1 });
    record(channel.stdin.pump('hello'));
    await turn();
    expect(peer.of('CHANNEL_DATA')).toHaveLength(5);
  });

  it('of nothing ends', async () => {
    const peer = await script();
    const { channel } = await peer.openChannel();
    expect(record(channel.stdin.pump(NOTHING))).toEqual([0, 'complete']);
    await turn();
    expect(peer.take()).toEqual(['CHANNEL_EOF']);
  });

  it.each([
    [0xffff_ffff, 0, undefined],
    [0xffff_ffff, 1, 'protocol'],
    [2 ** 31, 2 ** 31, 'protocol'],
    [2 ** 31, 2 ** 31 - 1, undefined],
  ])('has a window of %s that is adjusted by %s: %s', async (windowSize, bytes, end) => {
    const peer = await script();
    await peer.openChannel({}, { windowSize });
    await peer.say(adjust(bytes));
    expect(endOf(peer)).toBe(end);
  });

  it('goes on behind the peer’s EOF', async () => {
    const peer = await script();
    const { channel } = await peer.openChannel();
    await peer.say(EOF, adjust(1));
    record(channel.stdin.pump('a'));
    await turn();
    expect(peer.take()).toEqual(['CHANNEL_DATA', 'CHANNEL_EOF']);
  });

  it('of a source that fails is followed by CLOSE and by no EOF', async () => {
    const peer = await script();
    const { channel } = await peer.openChannel();
    const seen = record(channel.stdin.pump(throwError(() => new Error('half'))));
    await turn();
    expect([peer.take(), seen]).toEqual([['CHANNEL_CLOSE'], ['Error half']]);
  });

  it('that waits when the peer closes is released', async () => {
    const peer = await script();
    const { channel } = await peer.openChannel({}, { windowSize: 1 });
    const seen = record(channel.stdin.pump('abc'));
    await peer.say(CLOSE);
    expect(seen).toEqual([1, 'SshError released']);
    expect(record(channel.stdin.pump('abc'))).toEqual(['SshError released']);
  });

  it('on stderr shares the window', async () => {
    const peer = await script();
    const { channel } = await peer.openChannel({}, { windowSize: 4 });
    record(channel.stderr.pump('abc', { end: false }));
    record(channel.stdin.pump('de', { end: false }));
    await turn();
    expect(
      peer.received.map((message) =>
        'data' in message ? [message.type, utf8Text(message.data)] : message.type,
      ),
    ).toEqual([
      ['CHANNEL_EXTENDED_DATA', 'abc'],
      ['CHANNEL_DATA', 'd'],
    ]);
  });

  it('as a duplex goes in the order of the calls, EOF behind it', async () => {
    const peer = await script();
    const { channel } = await peer.openChannel({}, { windowSize: 3 });
    const done: string[] = [];
    channel.write(utf8Bytes('ab'), () => done.push('first'));
    channel.write(utf8Bytes('cd'), () => done.push('second'));
    channel.end();
    await turn();
    expect([peer.take(), done]).toEqual([['CHANNEL_DATA', 'CHANNEL_DATA'], ['first']]);
    await peer.say(adjust(1));
    expect([peer.take(), done]).toEqual([
      ['CHANNEL_DATA', 'CHANNEL_EOF'],
      ['first', 'second'],
    ]);
  });

  it('as a duplex is tried once for each adjust, however often it was written to', async () => {
    const peer = await script();
    const { channel } = await peer.openChannel({}, { windowSize: 4 });
    const writeOn = (): void => {
      if (channel.isOpen) channel.write(utf8Bytes('abcdef'), writeOn);
    };
    writeOn();
    const tasks = jest.spyOn(peer.connection.transport, 'run');
    const tasksOf = async (): Promise<number> => {
      tasks.mockClear();
      await peer.say(adjust(6));
      return tasks.mock.calls.length;
    };
    const first = await tasksOf();
    for (let round = 0; round < 20; round++) await peer.say(adjust(6));
    expect(await tasksOf()).toBe(first);
    tasks.mockRestore();
  });

  it('as a duplex is taken from the front, as far as the window goes, in one batch', async () => {
    const peer = await script();
    const { channel } = await peer.openChannel({}, { windowSize: 40_000 });
    const bytes = new Uint8Array(50_000).fill(1);
    expect(channel.offer(bytes)).toBe(40_000);
    expect(channel.offer(bytes)).toBe(0);
    // it was the caller's again
    bytes.fill(2);
    await turn();
    const sent = peer.received.flatMap((message) => ('data' in message ? [...message.data] : []));
    expect(sent).toEqual(Array(40_000).fill(1));
    channel.write(utf8Bytes('first'), () => undefined);
    await turn();
    peer.take();
    await peer.say(adjust(3));
    // others wait in front of it
    expect(channel.offer(bytes)).toBe(0);
    await peer.say(CLOSE);
    expect(channel.offer(bytes)).toBe(0);
  });

  it("as a duplex is not taken in a task, behind which it would be another's", async () => {
    const peer = await script();
    const { channel } = await peer.openChannel({}, { windowSize: 10 });
    const bytes = utf8Bytes('abc');
    let taken: number | undefined;
    peer.connection.transport.run(() => (taken = channel.offer(bytes)));
    await turn();
    expect([taken, peer.take()]).toEqual([0, []]);
  });

  it('as a duplex is done with when the channel closes', async () => {
    const peer = await script();
    const { channel } = await peer.openChannel({}, { windowSize: 0 });
    const done: string[] = [];
    channel.write(utf8Bytes('ab'), () => done.push('first'));
    await peer.say(CLOSE);
    channel.write(utf8Bytes('cd'), () => done.push('second'));
    expect(done).toEqual(['first', 'second']);
  });
});

describe('channel requests', () => {
  it('of ours complete on success and error on failure, in their order', async () => {
    const peer = await script();
    const { channel } = await peer.openChannel();
    const [first, second] = [record(channel.request('one')), record(channel.request('two'))];
    await peer.say(SUCCESS);
    expect([first, second]).toEqual([['complete'], []]);
    await peer.say(FAILURE);
    expect(second).toEqual(['SshError request-refused']);
  });

  it('keep their place in the order when nobody waits for the reply any more', async () => {
    const peer = await script();
    const { channel } = await peer.openChannel();
    channel.request('left').subscribe().unsubscribe();
    const seen = record(channel.request('stayed'));
    await peer.say(FAILURE, SUCCESS);
    expect(seen).toEqual(['complete']);
  });

  it('of ours are answered by nobody’s replies neither before nor after', async () => {
    const peer = await script();
    const { channel } = await peer.openChannel();
    await peer.say(SUCCESS, FAILURE, SUCCESS);
    const seen = record(channel.request('one'));
    await turn();
    expect(seen).toEqual([]);
    await peer.say(SUCCESS, SUCCESS);
    expect([seen, endOf(peer)]).toEqual([['complete'], undefined]);
  });

  it('of ours end with the channel or the connection', async () => {
    const peer = await script();
    const { channel } = await peer.openChannel();
    const closed = record(channel.request('one'));
    await peer.say(CLOSE);
    expect(closed).toEqual(['SshError released']);
    expect(record(channel.request('two'))).toEqual(['SshError released']);
    const { channel: other } = await peer.openChannel();
    const lost = record(other.request('three'));
    peer.peer.disconnect();
    await turn();
    expect(lost).toEqual(['SshError disconnect']);
    expect(record(other.request('four'))).toEqual(['SshError disconnect']);
  });

  it('of the peer are answered in their order, however long each takes', async () => {
    const slow = new Subject<boolean>();
    const seen: ChannelRequest[] = [];
    const peer = await script();
    await peer.openChannel({
      onRequest: (asked) => {
        seen.push(asked);
        return asked.type === 'slow' ? slow : asked.type === 'yes';
      },
    });
    await peer.say(request('slow'), request('yes'), request('no'));
    expect([peer.take(), seen.map(({ type }) => type)]).toEqual([[], ['slow', 'yes', 'no']]);
    slow.next(true);
    await turn();
    expect(peer.take()).toEqual(['CHANNEL_SUCCESS', 'CHANNEL_SUCCESS', 'CHANNEL_FAILURE']);
  });

  it('of the peer fail without a handler, and where a handler throws, errors or says nothing', async () => {
    const peer = await script();
    await peer.openChannel();
    await peer.say(request('any'));
    expect(peer.take()).toEqual(['CHANNEL_FAILURE']);
    for (const onRequest of [
      (): never => {
        throw new Error('no');
      },
      () => throwError(() => new Error('no')),
      () => [],
      () => Promise.reject(new Error('no')),
    ]) {
      const other = await script();
      await other.openChannel({ onRequest });
      await other.say(request('any'));
      expect([other.take(), endOf(other)]).toEqual([['CHANNEL_FAILURE'], undefined]);
    }
  });

  it('of the peer that want no reply get none', async () => {
    const peer = await script();
    await peer.openChannel({ onRequest: () => true });
    await peer.say(request('any', false));
    expect(peer.take()).toEqual([]);
  });

  it('of the peer that wait are let go with the channel, and are 256 at most', async () => {
    let left = 0;
    const peer = await script();
    await peer.openChannel({ onRequest: () => new Observable<boolean>(() => () => left++) });
    await peer.say(request('any'), request('any', false), CLOSE);
    expect(left).toBe(2);
    const flooded = await script();
    await flooded.openChannel({ onRequest: () => NEVER });
    await flooded.say(...Array.from({ length: 256 }, () => request('any')));
    expect(endOf(flooded)).toBeUndefined();
    await flooded.say(request('any'));
    expect(endOf(flooded)).toBe('protocol');
  });
});

describe('two connections', () => {
  it('speak custom channel types, requests and global requests in both roles', async () => {
    const greeting = (accepted: Channel[]) => ({
      channels: {
        'echo@example.com': ({ payload }: { payload: Uint8Array }) => ({
          accept: true as const,
          options: {
            onRequest: (asked: ChannelRequest) => of(utf8Text(asked.payload) === 'please'),
          },
          opened: (channel: Channel) => {
            accepted.push(channel);
            channel.stdin.pump(payload, { end: false }).subscribe();
            channel.stdin.pump(channel.stdout$).subscribe();
          },
        }),
      },
      globalRequests: {
        'upper@example.com': ({ payload }: { payload: Uint8Array }) =>
          utf8Bytes(utf8Text(payload).toUpperCase()),
      },
    });
    const accepted: Channel[] = [];
    const { client, server } = await connectionPair({
      client: greeting(accepted),
      server: greeting(accepted),
    });
    for (const side of [client, server]) {
      const opened = side.openChannel('echo@example.com', utf8Bytes('hello '));
      const channel = await new Promise<Channel>((resolve, reject) =>
        opened.subscribe({ next: resolve, error: reject }),
      );
      expect(record(channel.request('grant', utf8Bytes('please')))).toEqual([]);
      const refused = record(channel.request('grant', utf8Bytes('now')));
      const echoed = firstValueFrom(channel.stdout$.pipe(toArray()));
      channel.stdin.pump('world').subscribe();
      expect((await echoed).map((chunk) => utf8Text(chunk)).join('')).toBe('hello world');
      expect(refused).toEqual(['SshError request-refused']);
      channel.close();
      const reply = await firstValueFrom(
        side.globalRequests.request('upper@example.com', utf8Bytes('abc')),
      );
      expect(utf8Text(reply)).toBe('ABC');
      expect(record(side.globalRequests.request('lower@example.com'))).toEqual([]);
    }
    await turn();
    expect([client.channelCount, server.channelCount, accepted.map(({ type }) => type)]).toEqual([
      0,
      0,
      ['echo@example.com', 'echo@example.com'],
    ]);
  });

  it.each(['toString', '__proto__', 'constructor'])(
    'do not take %s for a handler',
    async (name) => {
      const { client } = await connectionPair();
      const opened = record(client.openChannel(name));
      const asked = record(client.globalRequests.request(name));
      await turn();
      expect([opened, asked]).toEqual([['SshError channel-open'], ['SshError request-refused']]);
    },
  );

  it('are a duplex to each other by a channel', async () => {
    let far: Channel | undefined;
    const { client } = await connectionPair({
      server: {
        channels: { pipe: () => ({ accept: true, opened: (channel) => (far = channel) }) },
      },
    });
    const near = await new Promise<Channel>((resolve) =>
      client.openChannel('pipe').subscribe(resolve),
    );
    const seen = record(near.readable$);
    far?.write(utf8Bytes('over'), () => undefined);
    far?.end();
    await turn();
    expect(seen).toEqual(['over', 'complete']);
  });
});
