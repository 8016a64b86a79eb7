/** Rows C1, C2 and C9, faults X16 and X17: messages for channels that are not there, not yet, twice, or not any more. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { Subject as Trigger } from 'rxjs';
import type { Channel } from '../../src/channels/channel.ts';
import type { ChannelOpenAnswer } from '../../src/channels/connection.ts';
import { isSshError } from '../../src/errors.ts';
import { anotherChannel, type ChannelDuel, channelDuel } from '../support/raw-peer/channels.ts';
import { settled } from '../support/raw-peer/matrix.ts';
import * as message from '../support/raw-peer/messages.ts';
import { duel, type Duel, expectAlive, ROLES } from '../support/raw-peer/subject.ts';

const { Msg } = message;

/** Every message that names a channel, by name. */
const ALL: Readonly<Record<string, (recipient: number) => Buffer>> = {
  CONFIRMATION: (id) => message.confirm(id, 5),
  OPEN_FAILURE: (id) => message.openFailure(id),
  ADJUST: (id) => message.adjust(id, 1),
  DATA: (id) => message.data(id, 'data'),
  EXTENDED: (id) => message.extendedData(id, 1, 'data'),
  EOF: (id) => message.eof(id),
  CLOSE: (id) => message.close(id),
  REQUEST: (id) => message.request(id, 'x@spec', true),
  SUCCESS: (id) => message.success(id),
  FAILURE: (id) => message.failure(id),
};

interface Named extends Duel {
  /** The channel number that the messages name. */
  readonly number: number;
}

/** The states that a number can be in, and which messages may come in them; all others are the end. */
const STATES: readonly {
  readonly name: string;
  readonly allowed: readonly string[];
  reach(role: 'client' | 'server'): Promise<Named>;
}[] = [
  {
    name: 'was never given',
    allowed: [],
    reach: async (role) => ({ ...(await channelDuel({ role })), number: 1 }),
  },
  {
    name: 'is 2^32-1',
    allowed: [],
    reach: async (role) => ({ ...(await channelDuel({ role })), number: 0xffff_ffff }),
  },
  {
    name: 'belongs to a channel whose CONFIRMATION is due',
    allowed: ['CONFIRMATION', 'OPEN_FAILURE'],
    reach: async (role) => {
      const { peer, subject } = await channelDuel({ role });
      subject.open().subscribe({ error: () => undefined });
      return { peer, subject, number: (await peer.receiveOpen()).peer };
    },
  },
  {
    name: 'belongs to a channel whose CONFIRMATION is due and that nobody wants any more',
    allowed: ['CONFIRMATION', 'OPEN_FAILURE'],
    reach: async (role) => {
      const { peer, subject } = await channelDuel({ role });
      subject
        .open()
        .subscribe({ error: () => undefined })
        .unsubscribe();
      return { peer, subject, number: (await peer.receiveOpen()).peer };
    },
  },
  {
    name: 'belongs to an open channel',
    allowed: ['ADJUST', 'DATA', 'EXTENDED', 'EOF', 'CLOSE', 'REQUEST', 'SUCCESS', 'FAILURE'],
    reach: async (role) => named(await channelDuel({ role })),
  },
  {
    name: 'belongs to a channel of which the peer has said EOF',
    allowed: ['ADJUST', 'DATA', 'EXTENDED', 'EOF', 'CLOSE', 'REQUEST', 'SUCCESS', 'FAILURE'],
    reach: async (role) => {
      const situation = named(await channelDuel({ role }));
      situation.peer.send(message.eof(situation.number));
      return situation;
    },
  },
  {
    name: 'belongs to a channel of which we have said CLOSE',
    allowed: ['ADJUST', 'DATA', 'EXTENDED', 'EOF', 'CLOSE', 'REQUEST', 'SUCCESS', 'FAILURE'],
    reach: async (role) => {
      const situation = await channelDuel({ role });
      situation.channel.close();
      await situation.peer.until(Msg.CLOSE);
      return named(situation);
    },
  },
  {
    name: 'belonged to a channel that is closed',
    allowed: [],
    reach: async (role) => {
      const situation = named(await channelDuel({ role }));
      situation.peer.send(message.close(situation.number));
      await situation.peer.until(Msg.CLOSE);
      return situation;
    },
  },
  {
    name: 'belonged to a channel that was refused',
    allowed: [],
    reach: async (role) => {
      const { peer, subject } = await channelDuel({ role });
      subject.open().subscribe({ error: () => undefined });
      const number = (await peer.receiveOpen()).peer;
      peer.send(message.openFailure(number));
      return { peer, subject, number };
    },
  },
];

function named(situation: ChannelDuel): Named {
  return { ...situation, number: situation.raw.peer };
}

afterAll(expectAlive);

describe.each(ROLES)('C1: a number at our %s', (role) => {
  describe.each(STATES.map((state) => [state.name, state] as const))('that %s', (_, state) => {
    it.each(Object.keys(ALL))('%s', async (name) => {
      const { peer, subject, number } = await state.reach(role);
      await settled(peer);
      const before = [...subject.userCode];
      peer.send(ALL[name]?.(number) ?? Buffer.alloc(0));
      if (state.allowed.includes(name)) {
        await peer.barrier();
        expect(subject.errors).toEqual([]);
        subject.stop();
        return;
      }
      await peer.expectDisconnect(2);
      expect((await subject.ended()).kind).toBe('protocol');
      expect(subject.errors).toHaveLength(1);
      expect(subject.userCode).toEqual(before);
    });
  });

  it('that the peer has asked for is not there before the verdict', async () => {
    const verdict = new Trigger<ChannelOpenAnswer>();
    const channels = { slow: () => verdict };
    const { peer, subject } = duel({ role, connection: { channels } });
    await peer.session();
    await subject.connected();
    peer.send(message.open('slow', 3));
    expect(await peer.barrier()).toEqual([]);
    peer.send(message.data(0, 'too early'));
    await peer.expectDisconnect(2);
    let opened = 0;
    verdict.next({ accept: true, opened: () => opened++ });
    expect(opened).toBe(0);
  });

  it('is not given again while the peer may still say CLOSE', async () => {
    const situation = await channelDuel({ role });
    situation.channel.close();
    await situation.peer.until(Msg.CLOSE);
    const another = await anotherChannel(situation);
    expect(another.raw.peer).not.toBe(situation.raw.peer);
    situation.subject.stop();
  });
});

describe.each(ROLES)('C2: our %s ends at', (role) => {
  async function opening(): Promise<
    Duel & { readonly number: number; readonly emitted: unknown[] }
  > {
    const { peer, subject } = await channelDuel({ role });
    const emitted: unknown[] = [];
    subject.open().subscribe({
      next: () => emitted.push('channel'),
      error: (error: unknown) => emitted.push(error),
    });
    return { peer, subject, emitted, number: (await peer.receiveOpen()).peer };
  }

  it.each([
    ['a second CONFIRMATION', [ALL['CONFIRMATION'], ALL['CONFIRMATION']], 'channel'],
    ['a CONFIRMATION and then a FAILURE', [ALL['CONFIRMATION'], ALL['OPEN_FAILURE']], 'channel'],
    ['a FAILURE and then a CONFIRMATION', [ALL['OPEN_FAILURE'], ALL['CONFIRMATION']], 'error'],
    ['a second FAILURE', [ALL['OPEN_FAILURE'], ALL['OPEN_FAILURE']], 'error'],
  ])('%s', async (_, messages, first) => {
    const { peer, subject, number, emitted } = await opening();
    for (const each of messages) peer.send(each?.(number) ?? Buffer.alloc(0));
    await peer.expectDisconnect(2);
    expect((await subject.ended()).kind).toBe('protocol');
    if (first === 'channel') expect(emitted).toEqual(['channel']);
    else expect(emitted.map((error) => isSshError(error, 'channel-open'))).toEqual([true]);
  });
});

describe.each(ROLES)('C9: our %s', (role) => {
  const parts = { DATA: ALL['DATA'], EOF: ALL['EOF'], STATUS: status, CLOSE: ALL['CLOSE'] };

  it.each(
    permutations(['DATA', 'EOF', 'STATUS', 'CLOSE'] as const).map(
      (order) => [order.join(' '), order] as const,
    ),
  )('takes %s, and what follows CLOSE is the end', async (_, order) => {
    const { peer, subject, channel, raw } = await channelDuel({ role });
    const seen = record(channel);
    for (const name of order) peer.send(parts[name]?.(raw.peer) ?? Buffer.alloc(0));
    const isLast = order.at(-1) === 'CLOSE';
    if (isLast) expect((await peer.barrier()).map(({ number }) => number)).toEqual([Msg.CLOSE]);
    else await peer.expectDisconnect(2);
    const closes = peer.skipped.filter(({ number }) => number === Msg.CLOSE);
    expect(closes).toHaveLength(isLast ? 0 : 1);
    expect(subject.errors).toHaveLength(isLast ? 0 : 1);
    // what came before the end is not taken back, and what comes behind it is nobody's
    const end = Math.min(order.indexOf('EOF'), order.indexOf('CLOSE'));
    const stdout = order.indexOf('DATA') < end ? ['data', 'complete'] : ['complete'];
    expect(seen.filter((each) => each !== 'closed')).toEqual(stdout);
    expect(seen.filter((each) => each === 'closed')).toHaveLength(1);
    subject.stop();
  });

  it('answers CLOSE once', async () => {
    const { peer, subject, raw } = await channelDuel({ role });
    peer.send(message.close(raw.peer));
    peer.send(message.close(raw.peer));
    await peer.expectDisconnect(2);
    expect(peer.skipped.map(({ number }) => number)).toEqual([Msg.CLOSE]);
    expect((await subject.ended()).kind).toBe('protocol');
  });

  it('takes EOF for no CLOSE: it still writes, and says so itself', async () => {
    const { peer, subject, channel, raw } = await channelDuel({ role });
    peer.send(message.eof(raw.peer));
    expect(await peer.barrier()).toEqual([]);
    channel.write(Buffer.from('still here'), () => undefined);
    expect((await peer.readData(10)).toString()).toBe('still here');
    channel.end();
    await peer.expect(Msg.EOF);
    expect(await peer.barrier()).toEqual([]);
    subject.stop();
  });

  it('hears on after its own EOF', async () => {
    const { peer, subject, channel, raw } = await channelDuel({ role });
    const seen = record(channel);
    channel.end();
    await peer.expect(Msg.EOF);
    peer.send(message.data(raw.peer, 'data'));
    await peer.barrier();
    expect(seen).toEqual(['data']);
    subject.stop();
  });

  it('says neither EOF nor CLOSE twice', async () => {
    const { peer, subject, channel } = await channelDuel({ role });
    for (const action of ['end', 'end', 'close', 'end', 'close', 'destroy'] as const)
      channel[action]();
    const replies = await peer.barrier();
    expect(replies.map(({ number }) => number)).toEqual([Msg.EOF, Msg.CLOSE]);
    subject.stop();
  });
});

describe.each(ROLES)('X16: our %s', (role) => {
  it('takes a CLOSE that crosses its own', async () => {
    const { peer, subject, channel, raw } = await channelDuel({ role });
    const seen = record(channel);
    channel.close();
    peer.send(message.close(raw.peer));
    const replies = await peer.barrier();
    expect(replies.map(({ number }) => number)).toEqual([Msg.CLOSE]);
    expect([...seen].sort()).toEqual(['closed', 'complete']);
    expect(subject.connection?.channelCount).toBe(0);
    subject.stop();
  });

  it('closes a channel that is confirmed after nobody wants it, and frees it at the peer’s CLOSE', async () => {
    const { peer, subject } = await channelDuel({ role });
    subject
      .open()
      .subscribe({ error: () => undefined })
      .unsubscribe();
    const raw = await peer.receiveOpen();
    peer.send(message.confirm(raw.peer, raw.own));
    await peer.expect(Msg.CLOSE);
    expect(subject.connection?.channelCount).toBe(2);
    peer.send(message.data(raw.peer, 'under way'));
    peer.send(message.close(raw.peer));
    expect(await peer.barrier()).toEqual([]);
    expect(subject.connection?.channelCount).toBe(1);
    subject.stop();
  });

  it('takes data and CLOSE glued behind CONFIRMATION', async () => {
    const { peer, subject } = await channelDuel({ role });
    const seen: string[] = [];
    subject.open().subscribe({
      next: (channel) => record(channel, seen),
      complete: () => seen.push('let go'),
    });
    const raw = await peer.receiveOpen();
    const glued = [
      message.confirm(raw.peer, raw.own),
      message.data(raw.peer, 'x'),
      message.close(raw.peer),
    ];
    peer.sendBytes(Buffer.concat(glued.map((payload) => peer.seal(payload))));
    await peer.until(Msg.CLOSE);
    await settled(peer);
    expect([...seen].sort()).toEqual(['closed', 'complete', 'data', 'let go']);
    expect(seen.indexOf('data')).toBe(0);
    subject.stop();
  });
});

describe.each(ROLES)('X17: a channel that our %s asks for', (role) => {
  it.each([1, 2, 3, 4, 0, 0xffff_ffff])('and that is refused with reason %d', async (reason) => {
    const { peer, subject } = await channelDuel({ role });
    const errors: unknown[] = [];
    subject.open().subscribe({ error: (error: unknown) => errors.push(error) });
    const raw = await peer.receiveOpen();
    peer.send(message.openFailure(raw.peer, reason, 'no\x1b[2J\r\n'));
    await peer.barrier();
    const [error] = errors;
    expect(errors).toHaveLength(1);
    expect(isSshError(error, 'channel-open') && error.detail).toEqual({
      reasonCode: reason,
      description: 'no\\x1b[2J\\x0d\\x0a',
    });
    expect(subject.errors).toEqual([]);
    subject.stop();
  });

  it('and that is never answered: its number is not given again', async () => {
    const connection = { openTimeout: 50 };
    const { peer, subject } = await channelDuel({ role, connection });
    const errors: unknown[] = [];
    subject.open().subscribe({
      error: (error: unknown) => {
        errors.push(error);
        subject.touch();
      },
    });
    const raw = await peer.receiveOpen();
    await subject.when('the timeout', () => errors[0]);
    expect(errors.map((error) => isSshError(error, 'timeout') && error.detail.phase)).toEqual([
      'channel open',
    ]);
    const another = await anotherChannel({ peer, subject });
    expect(another.raw.peer).not.toBe(raw.peer);
    // the answer may come as late as it likes
    peer.send(message.confirm(raw.peer, raw.own));
    await peer.until(Msg.CLOSE);
    peer.send(message.close(raw.peer));
    await peer.barrier();
    expect(subject.errors).toEqual([]);
    expect(errors).toHaveLength(1);
    subject.stop();
  });

  it('and whose connection ends meanwhile', async () => {
    const { peer, subject } = await channelDuel({ role });
    const errors: unknown[] = [];
    subject.open().subscribe({ error: (error: unknown) => errors.push(error) });
    await peer.receiveOpen();
    peer.link.destroy();
    const error = await subject.ended();
    expect(errors).toEqual([error]);
  });
});

/** What a reader of stdout and of the end sees. */
function record(channel: Channel, seen: string[] = []): string[] {
  channel.stdout$.subscribe({
    next: () => seen.push('data'),
    error: () => seen.push('error'),
    complete: () => seen.push('complete'),
  });
  channel.closed$.subscribe((error) => seen.push(error === undefined ? 'closed' : 'lost'));
  return seen;
}

function status(recipient: number): Buffer {
  return message.request(recipient, 'exit-status', false, Buffer.from([0, 0, 0, 7]));
}

function permutations<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length <= 1) return [items];
  return items.flatMap((item) =>
    permutations(items.filter((each) => each !== item)).map((rest) => [item, ...rest]),
  );
}
