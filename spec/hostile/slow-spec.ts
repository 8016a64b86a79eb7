/** Faults X6 and X7: a consumer that is slow, and a peer that does not read. */
import { connect as connectSocket } from 'node:net';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { Channel } from '../../src/channels/channel.ts';
import { isSshError } from '../../src/errors.ts';
import { holdCredit } from '../../src/operators/credit.ts';
import type { ByteDuplex } from '../../src/streams/byte-duplex.ts';
import { listenTcp } from '../../src/streams/listen-tcp-node.ts';
import { memoryInUse, MiB } from '../support/memory.ts';
import { anotherChannel, type ChannelDuel, channelDuel } from '../support/raw-peer/channels.ts';
import { Cursor } from '../support/raw-peer/bytes.ts';
import { socketLink } from '../support/raw-peer/link.ts';
import { settled } from '../support/raw-peer/matrix.ts';
import * as message from '../support/raw-peer/messages.ts';
import { RawPeer } from '../support/raw-peer/raw-peer.ts';
import { expectAlive, ROLES, Subject } from '../support/raw-peer/subject.ts';

const { Msg } = message;
const PACKET = 32_768;

afterAll(expectAlive);

describe.each(ROLES)('X6: a consumer of 1 KiB a second at our %s', (role) => {
  it('holds up the sender of 100 MiB within the window, and then takes it at full speed', async () => {
    const window = 2 * MiB;
    const situation = await channelDuel({ role, channel: { window } });
    const { peer, subject, channel, raw } = situation;
    const total = 100 * MiB;
    let received = 0;
    let isSlow = true;
    const held: (() => void)[] = [];
    channel.stdout$.subscribe({
      next: (chunk) => {
        received += chunk.length;
        if (isSlow) held.push(holdCredit());
      },
      error: () => undefined,
    });
    const before = await memoryInUse();
    const chunk = Buffer.alloc(PACKET, 'x');
    let sent = 0;
    let credit = raw.window;
    const send = (): void => {
      for (; credit >= PACKET && sent < total; credit -= PACKET, sent += PACKET)
        peer.send(message.data(raw.peer, chunk));
      peer.written.length = 0;
      peer.numbers.length = 0;
    };
    const collect = async (): Promise<void> => {
      for (const { number, payload } of await settled(peer))
        if (number === Msg.WINDOW_ADJUST) credit += new Cursor(payload).skip(5).u32();
    };
    // ten minutes of it: a chunk is done with every 32 seconds
    for (let chunks = 0; chunks < 19; chunks++) {
      send();
      await collect();
      held.shift()?.();
    }
    expect(sent - received).toBeGreaterThan(0);
    expect(sent).toBeLessThanOrEqual(window + 20 * PACKET);
    expect((await memoryInUse()) - before).toBeLessThan(window + MiB);
    isSlow = false;
    for (const release of held.splice(0)) release();
    while (received < total) {
      send();
      await collect();
    }
    expect(received).toBe(total);
    subject.stop();
  }, 40_000);
});

describe.each(ROLES)('X7: a peer that does not read from our %s', (role) => {
  /** A source without end that says how much was asked of it. */
  function endless(): { readonly source: Iterable<Uint8Array>; readonly pulled: () => number } {
    let pulled = 0;
    function* chunks(): Generator<Uint8Array> {
      for (;;) {
        pulled += 65_536;
        yield new Uint8Array(65_536).fill(pulled / 65_536);
      }
    }
    return { source: chunks(), pulled: () => pulled };
  }

  async function stalled(): Promise<ChannelDuel> {
    const wire = { credit: 65_536, chunk: 1021 };
    const situation = await channelDuel({ role }, { window: 0xffff_ffff }, {}, wire);
    situation.peer.link.stall(true);
    return situation;
  }

  it('stops its writers, whatever they have', async () => {
    const { peer, subject, channel } = await stalled();
    const { source, pulled } = endless();
    const before = await memoryInUse();
    const pump = channel.stdin.pump(source).subscribe({ error: () => undefined });
    for (let turns = 0; turns < 100; turns++) await settled(peer);
    const asked = pulled();
    expect(asked).toBeLessThan(2 * MiB);
    expect((await memoryInUse()) - before).toBeLessThan(6 * MiB);
    expect(pulled()).toBe(asked);
    pump.unsubscribe();
    expect(subject.errors).toEqual([]);
    subject.stop();
  });

  it('blocks the other channels too, which can be cancelled', async () => {
    const wire = { credit: 65_536, chunk: 1021 };
    const first = await channelDuel({ role }, { window: 0xffff_ffff }, {}, wire);
    const second = await anotherChannel(first, { window: 0xffff_ffff });
    const { peer, subject } = first;
    peer.link.stall(true);
    const pump = first.channel.stdin.pump(endless().source).subscribe({ error: () => undefined });
    await settled(peer);
    let progress = 0;
    const other = second.channel.stdin
      .pump('other')
      .subscribe({ next: (sent) => (progress = sent) });
    await settled(peer);
    expect(progress).toBe(0);
    other.unsubscribe();
    pump.unsubscribe();
    peer.link.stall(false);
    second.channel.write(Buffer.from('later'), () => undefined);
    for (;;) {
      const { payload } = await peer.until(Msg.DATA);
      if (payload.readUInt32BE(1) !== second.raw.own) continue;
      expect(payload.subarray(9).toString()).toBe('later');
      break;
    }
    subject.stop();
  });

  it('finds the rekey that began while a packet was half written', async () => {
    const { peer, subject, channel } = await stalled();
    const { source } = endless();
    const pump = channel.stdin.pump(source).subscribe({ error: () => undefined });
    await settled(peer);
    subject.transport?.rekey();
    await settled(peer);
    peer.link.stall(false);
    // everything before the KEXINIT, then the exchange, then the rest, nothing lost
    await peer.exchange();
    const data = peer.skipped.filter(({ number }) => number === Msg.DATA);
    pump.unsubscribe();
    data.push(...(await peer.barrier()).filter(({ number }) => number === Msg.DATA));
    const bytes = Buffer.concat(data.map(({ payload }) => payload.subarray(9)));
    expect(bytes.length).toBeGreaterThan(65_536);
    const wrong = bytes.findIndex((each, at) => each !== ((Math.floor(at / 65_536) + 1) & 0xff));
    expect(wrong).toBe(-1);
    subject.stop();
  });

  it('finds a rekey of its own served, though answers wait', async () => {
    const { peer, subject, channel } = await stalled();
    const pump = channel.stdin.pump(endless().source).subscribe({ error: () => undefined });
    await settled(peer);
    peer.sendKexInit();
    await settled(peer);
    peer.link.stall(false);
    await peer.exchange();
    pump.unsubscribe();
    await peer.barrier();
    expect(subject.errors).toEqual([]);
    subject.stop();
  });
});

describe('X7 over TCP', () => {
  it('a peer that does not read stops our server’s writer, and a rekey completes behind it', async () => {
    const duplexes: ByteDuplex[] = [];
    const ports: number[] = [];
    const listening = listenTcp({ port: 0 }).subscribe((event) => {
      if (event.type === 'listening') ports.push(event.port);
      else duplexes.push(event.duplex);
    });
    const until = async <T>(list: readonly T[]): Promise<T> => {
      for (;;) {
        const [first] = list;
        if (first !== undefined) return first;
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const socket = connectSocket({ host: '127.0.0.1', port: await until(ports), noDelay: true });
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    const channels: Channel[] = [];
    const subject = new Subject(await until(duplexes), {
      role: 'server',
      session: (channel) => channels.push(channel),
    });
    const peer = new RawPeer(socketLink(socket), { role: 'client' });
    await peer.session();
    await peer.openChannel('session', { window: 0xffff_ffff });
    const channel = await subject.when('a channel', () => channels[0]);
    peer.link.stall(true);
    const before = await memoryInUse();
    let written = 0;
    function* source(): Generator<Uint8Array> {
      for (;;) {
        written += 65_536;
        yield new Uint8Array(65_536);
      }
    }
    const errors: unknown[] = [];
    const pump = channel.stdin
      .pump(source())
      .subscribe({ error: (error: unknown) => errors.push(error) });
    // what the kernel takes is not ours to bound: until nothing moves any more
    for (let last = -1; last !== written;) {
      last = written;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const grown = (await memoryInUse()) - before;
    expect(grown).toBeLessThan(4 * MiB);
    subject.transport?.rekey();
    peer.link.stall(false);
    await peer.exchange();
    pump.unsubscribe();
    peer.skipped.length = 0;
    await peer.barrier(5000);
    expect(errors).toEqual([]);
    expect(subject.errors).toEqual([]);
    peer.link.destroy();
    expect(isSshError(await subject.ended(), 'connection-lost')).toBe(true);
    listening.unsubscribe();
  });
});
