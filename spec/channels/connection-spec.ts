import { afterEach, describe, expect, it } from '@jest/globals';
import { NEVER, type Observable, of, Subject, throwError } from 'rxjs';
import type { ChannelOpenAnswer, ChannelOpenHandler } from '../../src/channels/connection.ts';
import type { Channel } from '../../src/channels/channel.ts';
import { isSshError, SshError } from '../../src/errors.ts';
import type { Message } from '../../src/messages/catalogue.ts';
import { Clock } from '../support/clock.ts';
import { turn } from '../support/embedded.ts';
import { comparable } from '../support/marbles.ts';
import { closeScripted, confirmation, type Script, script } from '../support/scripted.ts';

afterEach(closeScripted);

const NOTHING = new Uint8Array(0);

/** Notes what a stream says; of a channel, its number. */
function record(source: Observable<unknown>): { readonly seen: unknown[]; leave(): void } {
  const seen: unknown[] = [];
  const subscription = source.subscribe({
    next: (value) => seen.push((value as Channel).number),
    error: (error: unknown) => seen.push(error),
    complete: () => seen.push('complete'),
  });
  return { seen, leave: () => subscription.unsubscribe() };
}

function refusal(recipientChannel: number, reasonCode = 1, description = 'no'): Message {
  return {
    type: 'CHANNEL_OPEN_FAILURE',
    recipientChannel,
    reasonCode,
    description,
    languageTag: '',
  };
}

function close(recipientChannel: number): Message {
  return { type: 'CHANNEL_CLOSE', recipientChannel };
}

function open(channelType: string, maximumPacketSize = 1000): Message {
  return {
    type: 'CHANNEL_OPEN',
    channelType,
    senderChannel: 5,
    initialWindowSize: 100,
    maximumPacketSize,
    payload: NOTHING,
  };
}

function endOf({ connection }: Script): string | undefined {
  return connection.transport.ended?.kind;
}

describe('openChannel', () => {
  it('does nothing before it is subscribed to', async () => {
    const peer = await script();
    peer.connection.openChannel('session');
    await turn();
    expect([peer.take(), peer.connection.channelCount]).toEqual([[], 0]);
  });

  it('tells the window, the packet size and the payload', async () => {
    const peer = await script();
    record(peer.connection.openChannel('x', Uint8Array.of(1, 2), { window: 1234 }));
    await turn();
    expect(peer.of('CHANNEL_OPEN')).toEqual([
      {
        type: 'CHANNEL_OPEN',
        channelType: 'x',
        senderChannel: 0,
        initialWindowSize: 1234,
        maximumPacketSize: 32 * 1024,
        payload: Uint8Array.of(1, 2),
      },
    ]);
  });

  it('emits the channel when it is confirmed and completes when it is closed', async () => {
    const peer = await script();
    const { seen } = record(peer.connection.openChannel('session'));
    await turn();
    expect(seen).toEqual([]);
    await peer.say(confirmation(0));
    expect(seen).toEqual([0]);
    await peer.say(close(0));
    expect([seen, peer.connection.channelCount]).toEqual([[0, 'complete'], 0]);
  });

  it.each([
    [1, 'administratively prohibited'],
    [2, 'connect failed'],
    [4, 'resource shortage'],
    [99, '99'],
  ])('errors with the reason of a refusal: %s', async (reasonCode, name) => {
    const peer = await script();
    const { seen } = record(peer.connection.openChannel('session'));
    await turn();
    await peer.say(refusal(0, reasonCode, 'go \u001b[31maway'));
    const [error] = seen;
    expect(isSshError(error, 'channel-open') && [error.detail, error.transient]).toEqual([
      { reasonCode, description: 'go \\x1b[31maway' },
      false,
    ]);
    expect((error as Error).message.toLowerCase().replaceAll('_', ' ')).toContain(name);
    expect([seen.length, peer.connection.channelCount, endOf(peer)]).toEqual([1, 0, undefined]);
  });

  it('errors with a timeout when nobody answers, and says CLOSE to a confirmation that comes late', async () => {
    const clock = new Clock();
    const peer = await script({
      transport: { scheduler: clock },
      connection: { openTimeout: 500 },
    });
    const { seen } = record(peer.connection.openChannel('session'));
    await clock.pass(499);
    expect(seen).toEqual([]);
    await clock.pass(1);
    const [error] = seen;
    expect(isSshError(error, 'timeout') && error.detail).toEqual({
      phase: 'channel open',
      milliseconds: 500,
    });
    // the number is not free before the answer
    expect(peer.connection.channelCount).toBe(1);
    peer.take();
    await peer.say(confirmation(0));
    expect(peer.take()).toEqual(['CHANNEL_CLOSE']);
    await peer.say(close(0));
    expect([seen.length, peer.connection.channelCount, endOf(peer)]).toEqual([1, 0, undefined]);
  });

  it('waits for ever where that was asked for', async () => {
    const clock = new Clock();
    const peer = await script({ transport: { scheduler: clock }, connection: { openTimeout: 0 } });
    const { seen } = record(peer.connection.openChannel('session'));
    await clock.pass(1_000_000);
    expect(seen).toEqual([]);
  });

  it('closes the channel on unsubscribing, once', async () => {
    const peer = await script();
    const { subscription, channel } = await peer.openChannel();
    subscription.unsubscribe();
    channel.close();
    await turn();
    expect(peer.take()).toEqual(['CHANNEL_CLOSE']);
    await peer.say(close(0));
    expect([peer.take(), peer.connection.channelCount]).toEqual([[], 0]);
  });

  it.each([
    ['confirmed', confirmation(0), ['CHANNEL_CLOSE']],
    ['refused', refusal(0), []],
  ] as const)('that is unsubscribed before it is %s emits nothing', async (_name, answer, said) => {
    const peer = await script();
    const { seen, leave } = record(peer.connection.openChannel('session'));
    await turn();
    leave();
    peer.take();
    await peer.say(answer);
    expect([seen, peer.take(), endOf(peer)]).toEqual([[], [...said], undefined]);
  });

  it('errors at once on a connection that has ended', async () => {
    const peer = await script();
    const waiting = record(peer.connection.openChannel('session'));
    peer.connection.transport.disconnect();
    await turn();
    expect(waiting.seen.map(comparable)).toEqual(['SshError disconnect']);
    expect(record(peer.connection.openChannel('session')).seen.map(comparable)).toEqual([
      'SshError disconnect',
    ]);
  });

  it('refuses a maximum packet size of 0', async () => {
    const peer = await script();
    record(peer.connection.openChannel('session'));
    await turn();
    await peer.say(confirmation(0, { maximumPacketSize: 0 }));
    expect(endOf(peer)).toBe('protocol');
  });

  it.each([
    { window: 0 },
    { window: -1 },
    { window: 2 ** 32 },
    { window: 1.5 },
    { window: Number.NaN },
    { budget: 0 },
    { budget: Number.NaN },
  ])('refuses %p, with which no byte would flow', async (options) => {
    const peer = await script();
    const { seen } = record(peer.connection.openChannel('session', NOTHING, options));
    expect(seen.map(comparable)).toEqual(['SshError config']);
    await turn();
    expect([peer.take(), peer.connection.channelCount]).toEqual([[], 0]);
  });

  it.each([
    ['CONFIRMATION', confirmation(9)],
    ['FAILURE', refusal(9)],
    ['DATA', { type: 'CHANNEL_DATA', recipientChannel: 9, data: NOTHING }],
    [
      'EXTENDED_DATA',
      { type: 'CHANNEL_EXTENDED_DATA', recipientChannel: 9, dataTypeCode: 1, data: NOTHING },
    ],
    ['WINDOW_ADJUST', { type: 'CHANNEL_WINDOW_ADJUST', recipientChannel: 9, bytesToAdd: 1 }],
    ['EOF', { type: 'CHANNEL_EOF', recipientChannel: 9 }],
    ['CLOSE', close(9)],
    [
      'REQUEST',
      {
        type: 'CHANNEL_REQUEST',
        recipientChannel: 9,
        requestType: 'x',
        wantReply: true,
        payload: NOTHING,
      },
    ],
    ['SUCCESS', { type: 'CHANNEL_SUCCESS', recipientChannel: 9 }],
    ['FAILURE of a request', { type: 'CHANNEL_FAILURE', recipientChannel: 9 }],
  ] as const)('takes no %s for a channel that does not exist', async (_name, message) => {
    const peer = await script();
    await peer.say(message);
    expect(endOf(peer)).toBe('protocol');
  });
});

describe('numbers of channels', () => {
  it('are not used again at once', async () => {
    const peer = await script();
    const numbers: number[] = [];
    for (let round = 0; round < 3; round++) {
      const { channel } = await peer.openChannel();
      numbers.push(channel.number);
      await peer.say(close(channel.number));
    }
    expect(numbers).toEqual([0, 1, 2]);
  });

  it('stay taken until CLOSE has gone both ways', async () => {
    const peer = await script();
    const { channel } = await peer.openChannel();
    channel.close();
    await turn();
    expect(peer.connection.channelCount).toBe(1);
    await peer.say(close(0));
    expect(peer.connection.channelCount).toBe(0);
    await peer.say(close(0));
    expect(endOf(peer)).toBe('protocol');
  });
});

describe('a channel that the peer asks for', () => {
  async function asked(handler: ChannelOpenHandler, ...messages: Message[]): Promise<Script> {
    const peer = await script({ connection: { channels: { x: handler }, maxChannels: 2 } });
    await peer.say(...messages);
    return peer;
  }

  function reasons(peer: Script): [number, string][] {
    return peer
      .of('CHANNEL_OPEN_FAILURE')
      .map(({ reasonCode, description }) => [reasonCode, description]);
  }

  it('of an unknown type is refused', async () => {
    const peer = await asked(() => ({ accept: true, opened: () => undefined }), open('y'));
    expect(reasons(peer)).toEqual([[3, 'unknown channel type']]);
  });

  it.each<[string, ChannelOpenHandler]>([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['errors', () => throwError(() => new Error('no'))],
    ['says nothing', () => []],
    ['rejects', () => Promise.reject(new Error('no'))],
    ['refuses', () => ({ accept: false })],
  ])('is refused by a handler that %s', async (_name, handler) => {
    const peer = await asked(handler, open('x'));
    // and counts for nothing
    for (let round = 0; round < 2; round++) await peer.say(open('x'));
    expect(reasons(peer).map(([code]) => code)).toEqual([1, 1, 1]);
    expect(endOf(peer)).toBeUndefined();
  });

  it('is refused in the handler’s words', async () => {
    const peer = await asked(
      () => ({ accept: false, reasonCode: 2, description: 'no way' }),
      open('x'),
    );
    expect(reasons(peer)).toEqual([[2, 'no way']]);
  });

  it('with a maximum packet size of 0 is refused', async () => {
    const peer = await asked(() => ({ accept: true, opened: () => undefined }), open('x', 0));
    expect(reasons(peer)).toEqual([[2, 'maximum packet size of 0']]);
  });

  it('is one of a limited number, counted from the question to the CLOSE', async () => {
    const slow = new Subject<ChannelOpenAnswer>();
    const peer = await asked(() => slow, open('x'), open('x'), open('x'));
    expect(reasons(peer)).toEqual([[4, 'too many channels']]);
    slow.next({ accept: true, opened: () => undefined });
    await turn();
    expect(peer.of('CHANNEL_OPEN_CONFIRMATION').map(({ senderChannel }) => senderChannel)).toEqual([
      0, 1,
    ]);
    await peer.say(close(0));
    await peer.say(open('x'));
    expect([reasons(peer).length, peer.of('CHANNEL_CLOSE').length]).toEqual([1, 1]);
  });

  it('is handed over behind its CONFIRMATION and before its data', async () => {
    const seen: unknown[] = [];
    const peer = await asked(
      () =>
        of({
          accept: true,
          options: { window: 10 },
          opened: (channel: Channel) => {
            channel.stdin.pump('hi').subscribe({ error: () => undefined });
            channel.stdout$.subscribe({
              next: (data) => seen.push(data.length),
              error: () => undefined,
            });
          },
        } as const),
      open('x'),
      { type: 'CHANNEL_DATA', recipientChannel: 0, data: new Uint8Array(10) },
    );
    expect([peer.take(), seen]).toEqual([
      ['CHANNEL_OPEN_CONFIRMATION', 'CHANNEL_DATA', 'CHANNEL_EOF', 'CHANNEL_WINDOW_ADJUST'],
      [10],
    ]);
  });

  it('is not answered any more when the connection has ended', async () => {
    const slow = new Subject<ChannelOpenAnswer>();
    const peer = await asked(() => slow, open('x'));
    peer.connection.transport.disconnect();
    await turn();
    expect(slow.observed).toBe(false);
  });
});

describe('global requests', () => {
  function request(requestName: string, wantReply = true): Message {
    return { type: 'GLOBAL_REQUEST', requestName, wantReply, payload: NOTHING };
  }

  it('of the peer are answered in their order', async () => {
    const slow = new Subject<boolean>();
    const peer = await script({
      connection: {
        globalRequests: { slow: () => slow, yes: () => true, bytes: () => Uint8Array.of(1) },
      },
    });
    await peer.say(
      request('slow'),
      request('yes'),
      request('no'),
      request('bytes'),
      request('yes', false),
    );
    expect(peer.take()).toEqual([]);
    slow.next(false);
    await turn();
    expect(peer.of('REQUEST_SUCCESS').map(({ payload }) => payload.length)).toEqual([0, 1]);
    expect(peer.take()).toEqual([
      'REQUEST_FAILURE',
      'REQUEST_SUCCESS',
      'REQUEST_FAILURE',
      'REQUEST_SUCCESS',
    ]);
  });

  it('of the peer are 256 at most that wait', async () => {
    const peer = await script({ connection: { globalRequests: { never: () => NEVER } } });
    await peer.say(...Array.from({ length: 256 }, () => request('never')));
    expect(endOf(peer)).toBeUndefined();
    await peer.say(request('never'));
    expect(endOf(peer)).toBe('protocol');
  });

  it('of ours get the replies in their order, whether or not somebody still waits', async () => {
    const peer = await script();
    const ask = (name: string): { readonly seen: unknown[]; leave(): void } => {
      const seen: unknown[] = [];
      const subscription = peer.connection.globalRequests.request(name).subscribe({
        next: (payload) => seen.push(payload.length),
        error: (error: unknown) => seen.push(comparable(error)),
      });
      return { seen, leave: () => subscription.unsubscribe() };
    };
    const [first, second, third, fourth] = [ask('1'), ask('2'), ask('3'), ask('4')];
    second.leave();
    third.leave();
    await peer.say(
      { type: 'REQUEST_SUCCESS', payload: new Uint8Array(3) },
      { type: 'REQUEST_FAILURE' },
      { type: 'REQUEST_SUCCESS', payload: NOTHING },
      { type: 'REQUEST_FAILURE' },
    );
    expect([first.seen, second.seen, third.seen, fourth.seen]).toEqual([
      [3],
      [],
      [],
      ['SshError request-refused'],
    ]);
  });

  it('of ours are not answered by replies that nobody has asked for', async () => {
    const peer = await script();
    await peer.say(...Array.from({ length: 1000 }, (): Message => ({ type: 'REQUEST_FAILURE' })));
    const seen: number[] = [];
    peer.connection.globalRequests
      .request('x')
      .subscribe({ next: ({ length }) => seen.push(length), error: () => seen.push(-1) });
    await turn();
    expect(seen).toEqual([]);
    await peer.say({ type: 'REQUEST_SUCCESS', payload: new Uint8Array(2) });
    expect(seen).toEqual([2]);
  });

  it('of ours end with the connection', async () => {
    const peer = await script();
    const seen: unknown[] = [];
    peer.connection.globalRequests
      .request('x')
      .subscribe({ error: (error: unknown) => seen.push(comparable(error)) });
    peer.connection.transport.disconnect();
    await turn();
    peer.connection.globalRequests
      .request('y')
      .subscribe({ error: (error: unknown) => seen.push(comparable(error)) });
    expect(seen).toEqual(['SshError disconnect', 'SshError disconnect']);
  });
});

describe('a name', () => {
  it.each([
    ['with letters of another alphabet', 'böse'],
    ['with a space', 'a b'],
    ['that is empty', ''],
    ['of 65 characters', 'x'.repeat(65)],
  ])('%s is an error of its own request, and never sent', async (_, name) => {
    const peer = await script();
    const { channel } = await peer.openChannel();
    const seen: unknown[] = [];
    const error = (thrown: unknown): void => void seen.push(comparable(thrown));
    peer.connection.openChannel(name).subscribe({ error });
    peer.connection.globalRequests.request(name).subscribe({ error });
    channel.request(name).subscribe({ error });
    expect(seen).toEqual(['SshError config', 'SshError config', 'SshError config']);
    expect(() => channel.notify(name)).toThrow(SshError);
    expect(() => peer.connection.globalRequests.notify(name)).toThrow(SshError);
    await turn();
    expect([peer.take(), peer.connection.transport.ended]).toEqual([[], undefined]);
  });
});
