/** Rows C3 to C8, C22 and C23: windows, packet sizes, and bytes that come before anyone is there to take them. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { isSshError } from '../../src/errors.ts';
import { holdCredit } from '../../src/operators/credit.ts';
import { channelDuel, pattern } from '../support/raw-peer/channels.ts';
import { Cursor } from '../support/raw-peer/bytes.ts';
import { settled } from '../support/raw-peer/matrix.ts';
import * as message from '../support/raw-peer/messages.ts';
import { duel, type Duel, expectAlive, ROLES } from '../support/raw-peer/subject.ts';

const { Msg } = message;
const PACKET = 32_768;
const MAX = 0xffff_ffff;

afterAll(expectAlive);

async function expectRefused({ peer, subject }: Duel): Promise<void> {
  await peer.expectDisconnect(2);
  expect((await subject.ended()).kind).toBe('protocol');
  expect(subject.errors).toHaveLength(1);
}

/** Sizes of the data packets in what was received. */
function sizes(
  received: readonly { readonly number: number; readonly payload: Buffer }[],
): number[] {
  return received
    .filter(({ number }) => number === Msg.DATA)
    .map(({ payload }) => payload.readUInt32BE(5));
}

describe.each(ROLES)('C3: our %s', (role) => {
  it('does not take a channel with packets of 0 bytes', async () => {
    const connection = {
      channels: { open: () => ({ accept: true, opened: () => undefined }) as const },
    };
    const { peer, subject } = duel({ role, connection });
    await peer.session();
    await subject.connected();
    peer.send(message.open('open', 3, 0x200000, 0));
    await peer.expect(Msg.OPEN_FAILURE);
    expect(await peer.barrier()).toEqual([]);
    expect(subject.connection?.channelCount).toBe(0);
    subject.stop();
  });

  it('does not take a CONFIRMATION with packets of 0 bytes', async () => {
    const { peer, subject } = await channelDuel({ role });
    const errors: unknown[] = [];
    subject.open().subscribe({ error: (error: unknown) => errors.push(error) });
    const raw = await peer.receiveOpen();
    peer.send(message.confirm(raw.peer, raw.own, 0x200000, 0));
    await expectRefused({ peer, subject });
    expect(errors).toEqual(subject.errors);
  });

  it('sends five packets of one byte where one byte is the most', async () => {
    const { peer, subject, channel } = await channelDuel({ role }, { maximumPacket: 1 });
    channel.write(Buffer.from('hello'), () => undefined);
    const received = await peer.barrier();
    expect(sizes(received)).toEqual([1, 1, 1, 1, 1]);
    expect(Buffer.concat(received.map(({ payload }) => payload.subarray(9))).toString()).toBe(
      'hello',
    );
    subject.stop();
  });

  it('sends no packet past its own limit where the peer would take any', async () => {
    const { peer, subject, channel } = await channelDuel(
      { role },
      { maximumPacket: MAX, window: MAX },
    );
    channel.write(pattern(100_000), () => undefined);
    expect(sizes(await peer.barrier())).toEqual([PACKET, PACKET, PACKET, 100_000 - 3 * PACKET]);
    subject.stop();
  });
});

describe.each(ROLES)('C4: a window that the peer of our %s opens', (role) => {
  it('past 2^32-1 is the end', async () => {
    const situation = await channelDuel({ role }, { window: MAX });
    situation.peer.send(message.adjust(situation.raw.peer, 1));
    await expectRefused(situation);
  });

  it('past 2^32-1 in small steps is the end', async () => {
    const situation = await channelDuel({ role }, { window: 0x8000_0000 });
    situation.peer.send(message.adjust(situation.raw.peer, 0x7fff_ffff));
    expect(await situation.peer.barrier()).toEqual([]);
    situation.peer.send(message.adjust(situation.raw.peer, 1));
    await expectRefused(situation);
  });

  it.each([0x7fff_ffff, 0x8000_0000, 0x8000_0001, MAX])(
    'of %d bytes is a plain number',
    async (window) => {
      const { peer, subject, channel } = await channelDuel({ role }, { window });
      channel.write(Buffer.from('data'), () => undefined);
      expect((await peer.readData(4)).toString()).toBe('data');
      subject.stop();
    },
  );

  it('up to 2^32-1 from 0 is a plain number', async () => {
    const { peer, subject, channel, raw } = await channelDuel({ role }, { window: 0 });
    channel.write(Buffer.from('data'), () => undefined);
    expect(await peer.barrier()).toEqual([]);
    peer.send(message.adjust(raw.peer, MAX));
    expect((await peer.readData(4)).toString()).toBe('data');
    subject.stop();
  });

  it('by nothing changes nothing', async () => {
    const { peer, subject, channel, raw } = await channelDuel({ role }, { window: 0 });
    channel.write(Buffer.from('data'), () => undefined);
    for (let count = 0; count < 100; count++) peer.send(message.adjust(raw.peer, 0));
    expect(await peer.barrier()).toEqual([]);
    subject.stop();
  });

  it('after our EOF or our CLOSE is passed over', async () => {
    const { peer, subject, channel, raw } = await channelDuel({ role });
    channel.end();
    peer.send(message.adjust(raw.peer, 1));
    channel.close();
    peer.send(message.adjust(raw.peer, 1));
    const received = await peer.barrier();
    expect(received.map(({ number }) => number)).toEqual([Msg.EOF, Msg.CLOSE]);
    expect(subject.errors).toEqual([]);
    subject.stop();
  });
});

describe.each(ROLES)('C5: data to our %s', (role) => {
  const payloads = {
    stdout: (id: number, bytes: Buffer) => message.data(id, bytes),
    stderr: (id: number, bytes: Buffer) => message.extendedData(id, 1, bytes),
    'an unknown stream': (id: number, bytes: Buffer) => message.extendedData(id, 7, bytes),
  };

  describe.each(Object.entries(payloads))('on %s', (_, payload) => {
    it('of 32 768 bytes is taken, and of one more is the end', async () => {
      const situation = await channelDuel({ role });
      situation.peer.send(payload(situation.raw.peer, Buffer.alloc(PACKET)));
      expect(await situation.peer.barrier()).toEqual([]);
      situation.peer.send(payload(situation.raw.peer, Buffer.alloc(PACKET + 1)));
      await expectRefused(situation);
    });

    it.each([1, PACKET])(
      'of a whole window is taken, and %d bytes past it are the end',
      async (past) => {
        const situation = await channelDuel({
          role,
          channel: { window: 4 * PACKET, stderr: 'hold' },
        });
        const { peer, channel, raw } = situation;
        // held by a reader that is not done with anything
        channel.output$.subscribe({ next: () => void holdCredit(), error: () => undefined });
        const isUnknown = payload(0, Buffer.alloc(0)).readUInt32BE(5) === 7;
        for (let count = 0; count < 4; count++) peer.send(payload(raw.peer, Buffer.alloc(PACKET)));
        const adjusts = (await peer.barrier()).filter(({ number }) => number === Msg.WINDOW_ADJUST);
        // what nobody can take is given back at once; the rest waits
        expect(adjusts.length > 0).toBe(isUnknown);
        if (isUnknown) return;
        peer.send(payload(raw.peer, Buffer.alloc(past)));
        await expectRefused(situation);
      },
    );
  });

  it('of both streams comes out of one window', async () => {
    const situation = await channelDuel({ role, channel: { window: 2 * PACKET } });
    const { peer, channel, raw } = situation;
    channel.output$.subscribe({ next: () => void holdCredit(), error: () => undefined });
    peer.send(message.data(raw.peer, Buffer.alloc(PACKET)));
    peer.send(message.extendedData(raw.peer, 1, Buffer.alloc(PACKET)));
    expect(await peer.barrier()).toEqual([]);
    peer.send(message.extendedData(raw.peer, 1, Buffer.alloc(1)));
    await expectRefused(situation);
  });
});

describe.each(ROLES)('C6: our %s', (role) => {
  it('sends exactly what the window lets, and waits', async () => {
    const { peer, subject, channel, raw } = await channelDuel({ role }, { window: 0 });
    let written = 0;
    channel.write(pattern(25), () => written++);
    expect(await peer.barrier()).toEqual([]);
    for (const [step, size] of [
      [10, 10],
      [10, 10],
      [10, 5],
    ] as const) {
      expect(written).toBe(0);
      peer.send(message.adjust(raw.peer, step));
      expect(sizes(await peer.barrier())).toEqual([size]);
    }
    expect(written).toBe(1);
    subject.stop();
  });

  it('asks its source for no more than it can send, and lets go of it when it is closed', async () => {
    const { peer, subject, channel } = await channelDuel({ role }, { window: 10 });
    let pulled = 0;
    let isReturned = false;
    function* endless(): Generator<Uint8Array> {
      try {
        for (;;) {
          pulled++;
          yield new Uint8Array(1024);
        }
      } finally {
        isReturned = true;
      }
    }
    const errors: unknown[] = [];
    channel.stdin.pump(endless()).subscribe({ error: (error: unknown) => errors.push(error) });
    expect(sizes(await peer.barrier())).toEqual([10]);
    expect(pulled).toBe(1);
    channel.close();
    await peer.until(Msg.CLOSE);
    peer.send(message.close(channel.number));
    await peer.barrier();
    expect(isReturned).toBe(true);
    expect(errors.map((error) => isSshError(error, 'released'))).toEqual([true]);
    subject.stop();
  });

  it('can be cancelled while it waits, and the channel goes on', async () => {
    const { peer, subject, channel, raw } = await channelDuel({ role }, { window: 0 });
    const pump = channel.stdin.pump('never sent').subscribe();
    pump.unsubscribe();
    channel.write(Buffer.from('sent'), () => undefined);
    peer.send(message.adjust(raw.peer, 100));
    expect((await peer.readData(4)).toString()).toBe('sent');
    subject.stop();
  });
});

describe.each(ROLES)('C7: our %s', (role) => {
  it('grants nothing while its reader is not done, and everything when it is', async () => {
    const window = 8 * PACKET;
    const { peer, subject, channel, raw } = await channelDuel({ role, channel: { window } });
    const held: (() => void)[] = [];
    let received = 0;
    channel.stdout$.subscribe({
      next: (chunk) => {
        received += chunk.length;
        held.push(holdCredit());
      },
      error: () => undefined,
    });
    for (let count = 0; count < 8; count++) peer.send(message.data(raw.peer, Buffer.alloc(PACKET)));
    expect(await peer.barrier()).toEqual([]);
    // its budget, and not the window, is what a reader has in its hands
    expect(received).toBeLessThanOrEqual(3 * PACKET);
    for (let release = held.shift(); release !== undefined; release = held.shift()) release();
    await settled(peer);
    let granted = 0;
    for (let next = peer.take(); next !== undefined; next = peer.take())
      if (next.number === Msg.WINDOW_ADJUST) granted += new Cursor(next.payload).skip(5).u32();
    expect(received).toBe(window);
    expect(granted).toBeLessThanOrEqual(window);
    subject.stop();
  });

  it('grants nothing while nobody has subscribed at all', async () => {
    const window = 4 * PACKET;
    const { peer, subject, channel, raw } = await channelDuel({ role, channel: { window } });
    const sent = pattern(window);
    for (let at = 0; at < window; at += PACKET)
      peer.send(message.data(raw.peer, sent.subarray(at, at + PACKET)));
    expect(await peer.barrier()).toEqual([]);
    const received: Buffer[] = [];
    channel.stdout$.subscribe({
      next: (chunk) => received.push(Buffer.from(chunk)),
      error: () => {},
    });
    await peer.until(Msg.WINDOW_ADJUST);
    expect(Buffer.concat(received).equals(sent)).toBe(true);
    subject.stop();
  });
});

describe.each(ROLES)('C8: stdout at our %s flows on', (role) => {
  /** Sends so much of something, within the window as it is granted, and then a word on stdout. */
  async function starve(
    {
      peer,
      subject,
      raw,
    }: Duel & { readonly raw: { readonly peer: number; readonly window: number } },
    payload: (bytes: Buffer) => Buffer,
    stdout: () => string,
  ): Promise<void> {
    let window = raw.window;
    for (let sent = 0; sent < 4 * 1024 * 1024; sent += PACKET) {
      while (window < PACKET)
        window += new Cursor((await peer.until(Msg.WINDOW_ADJUST)).payload).skip(5).u32();
      peer.send(payload(Buffer.alloc(PACKET)));
      window -= PACKET;
    }
    peer.send(message.data(raw.peer, 'word'));
    peer.skipped.push(...(await peer.barrier()));
    expect(stdout()).toBe('word');
    expect(subject.errors).toEqual([]);
    subject.stop();
  }

  it.each([2, 7, MAX])('past 4 MiB of extended data of type %d', async (type) => {
    const situation = await channelDuel({ role });
    let text = '';
    situation.channel.stdout$.subscribe({
      next: (chunk) => (text += Buffer.from(chunk).toString()),
      error: () => undefined,
    });
    const { peer: id } = situation.raw;
    await starve(
      situation,
      (bytes) => message.extendedData(id, type, bytes),
      () => text,
    );
  });

  it('past 4 MiB of stderr that nobody reads', async () => {
    const situation = await channelDuel({ role });
    let text = '';
    situation.channel.stdout$.subscribe({
      next: (chunk) => (text += Buffer.from(chunk).toString()),
      error: () => undefined,
    });
    const { peer: id } = situation.raw;
    await starve(
      situation,
      (bytes) => message.extendedData(id, 1, bytes),
      () => text,
    );
  });

  it('past 4 MiB of stderr whose reader has gone', async () => {
    const situation = await channelDuel({ role });
    let text = '';
    situation.channel.stdout$.subscribe({
      next: (chunk) => (text += Buffer.from(chunk).toString()),
      error: () => undefined,
    });
    situation.channel.stderr$.subscribe({ error: () => undefined }).unsubscribe();
    const { peer: id } = situation.raw;
    await starve(
      situation,
      (bytes) => message.extendedData(id, 1, bytes),
      () => text,
    );
  });
});

describe.each(ROLES)('C22: our %s', (role) => {
  /** Looks like so many bytes without having them. */
  function hugeBytes(length: number): Uint8Array {
    const huge = { length, subarray: (from: number, to = length) => part(to - from) };
    return huge as unknown as Uint8Array;
  }
  function part(length: number): Uint8Array {
    return length <= PACKET ? new Uint8Array(length) : hugeBytes(length);
  }

  it.each([2 ** 31, 2 ** 32, 2 ** 32 + 5, 2 ** 33])(
    'sends %d bytes packet by packet',
    async (length) => {
      const { peer, subject, channel, raw } = await channelDuel({ role }, { window: 100_000 });
      let done = 0;
      channel.write(hugeBytes(length), () => done++);
      expect(sizes(await peer.barrier())).toEqual([PACKET, PACKET, PACKET, 100_000 - 3 * PACKET]);
      peer.send(message.adjust(raw.peer, 5));
      expect(sizes(await peer.barrier())).toEqual([5]);
      expect(done).toBe(0);
      channel.close();
      expect(done).toBe(1);
      subject.stop();
    },
  );

  it('is done with a write of no bytes without a packet', async () => {
    const { peer, subject, channel } = await channelDuel({ role }, { window: 0 });
    let done = 0;
    channel.write(new Uint8Array(0), () => done++);
    expect(await peer.barrier()).toEqual([]);
    expect(done).toBe(1);
    channel.stdin.pump(new Uint8Array(0)).subscribe({ complete: () => done++ });
    expect((await peer.barrier()).map(({ number }) => number)).toEqual([Msg.EOF]);
    expect(done).toBe(2);
    subject.stop();
  });
});

describe.each(ROLES)('C23: our %s loses nothing', (role) => {
  it.each(['at once', 'in a later microtask', 'in a later turn'])(
    'of what is glued behind CONFIRMATION when it subscribes %s',
    async (when) => {
      const { peer, subject } = await channelDuel({ role });
      const seen: string[] = [];
      const ended = new Promise<void>((resolve) => {
        subject.open().subscribe((channel) => {
          const read = (): void => {
            channel.stdout$.subscribe({
              next: (chunk) => seen.push(Buffer.from(chunk).toString()),
              complete: () => resolve(),
            });
          };
          if (when === 'at once') read();
          else if (when === 'in a later microtask') queueMicrotask(read);
          else setImmediate(read);
        });
      });
      const raw = await peer.receiveOpen();
      const glued = [
        message.confirm(raw.peer, raw.own),
        message.data(raw.peer, 'first '),
        message.data(raw.peer, 'second'),
        message.eof(raw.peer),
      ];
      peer.sendBytes(Buffer.concat(glued.map((payload) => peer.seal(payload))));
      await ended;
      expect(seen.join('')).toBe('first second');
      subject.stop();
    },
  );
});

describe('C23: our server loses nothing', () => {
  it('of what is pipelined behind OPEN, requests and data', async () => {
    const { peer, subject } = duel({ role: 'server', session: () => undefined });
    await peer.session();
    await subject.connected();
    // the first channel of a server has the number 0: a client in a hurry may guess it
    const glued = [
      message.open('session', 9),
      message.request(0, 'exec', true, Buffer.from('\0\0\0\x02id')),
      message.data(0, 'input'),
      message.eof(0),
    ];
    peer.sendBytes(Buffer.concat(glued.map((payload) => peer.seal(payload))));
    await peer.until(Msg.SUCCESS);
    const channel = await subject.accepted();
    const text = new Promise<string>((resolve) => {
      let all = '';
      channel.stdout$.subscribe({
        next: (chunk) => (all += Buffer.from(chunk).toString()),
        complete: () => resolve(all),
      });
    });
    expect(await text).toBe('input');
    subject.stop();
  });
});
