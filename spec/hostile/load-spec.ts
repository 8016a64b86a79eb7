/** Rows R7 and R8: bytes in drops, packets in floods, and what a reader may do while it is being called. */
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { config, map, Subject as Source } from 'rxjs';
import { isSshError } from '../../src/errors.ts';
import type { ByteDuplex } from '../../src/streams/byte-duplex.ts';
import { memoryPair } from '../../src/streams/memory-pair.ts';
import { type ChannelDuel, anotherChannel, channelDuel } from '../support/raw-peer/channels.ts';
import { duplexLink } from '../support/raw-peer/link.ts';
import { settled } from '../support/raw-peer/matrix.ts';
import * as message from '../support/raw-peer/messages.ts';
import { RawPeer } from '../support/raw-peer/raw-peer.ts';
import { expectAlive, ROLES, Subject } from '../support/raw-peer/subject.ts';

const { Msg } = message;

afterAll(expectAlive);

/** Milliseconds of processor that a task takes: the machine may have other work. */
function processorTime(task: () => void): number {
  const before = process.cpuUsage();
  task();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** A duplex into which bytes can be put by hand, past the wire that the raw peer writes to. */
function handFed(inner: ByteDuplex): {
  readonly duplex: ByteDuplex;
  feed(bytes: Uint8Array): void;
} {
  const bytes$ = new Source<Uint8Array>();
  const duplex: ByteDuplex = {
    readable$: bytes$.asObservable(),
    write: (bytes, done) => inner.write(bytes, done),
    end: () => inner.end(),
    destroy: () => inner.destroy(),
  };
  inner.readable$.subscribe({
    next: (chunk) => bytes$.next(chunk),
    error: (error: unknown) => bytes$.error(error),
    complete: () => bytes$.complete(),
  });
  return { duplex, feed: (bytes) => bytes$.next(bytes) };
}

describe('R7: our server takes', () => {
  async function session(): Promise<{
    readonly peer: RawPeer;
    readonly subject: Subject;
    feed(bytes: Uint8Array): void;
  }> {
    const [ours, theirs] = memoryPair();
    const { duplex, feed } = handFed(ours);
    const subject = new Subject(duplex, { role: 'server' });
    const peer = new RawPeer(duplexLink(theirs), { role: 'client' });
    await peer.session();
    await subject.connected();
    return { peer, subject, feed };
  }

  it('a packet of 256 KiB byte by byte in less than half a second of processor', async () => {
    const { peer, subject, feed } = await session();
    // the best of some: a processor that is shared is slower at times
    const times = Array.from({ length: 5 }, () => {
      const packet = peer.seal(message.ignore(Buffer.alloc(262_144 - 32)));
      return processorTime(() => {
        for (let at = 0; at < packet.length; at++) feed(packet.subarray(at, at + 1));
      });
    });
    expect(await peer.barrier()).toEqual([]);
    expect(Math.min(...times)).toBeLessThan(500);
    subject.stop();
  });

  it('a stream in chunks of seven bytes in a time that grows with its length alone', async () => {
    const { peer, subject, feed } = await session();
    const timeFor = (megabytes: number): number => {
      const packets = Array.from({ length: megabytes * 32 }, () =>
        peer.seal(message.ignore(Buffer.alloc(32_768 - 32))),
      );
      const bytes = Buffer.concat(packets);
      return processorTime(() => {
        for (let at = 0; at < bytes.length; at += 7) feed(bytes.subarray(at, at + 7));
      });
    };
    timeFor(1);
    const short = timeFor(2);
    const long = timeFor(8);
    expect(await peer.barrier()).toEqual([]);
    // four times as much: quadratic would be sixteen
    expect(long / short).toBeLessThan(8);
    subject.stop();
  }, 30_000);
});

describe.each(ROLES)('R8: our %s takes very many packets in one chunk', (role) => {
  it.each([
    ['IGNORE', 100_000, () => message.ignore('')],
    // their answers wait until the chunk is done with
    ['unknown messages', 20_000, () => Buffer.from([200])],
    ['data of one byte', 100_000, (id: number) => message.data(id, 'x')],
    ['window adjusts', 100_000, (id: number) => message.adjust(id, 1)],
  ] as const)(
    '%s, %d',
    async (what, count, payload) => {
      const { peer, subject, channel, raw } = await channelDuel({ role });
      let received = 0;
      channel.stdout$.subscribe({ next: (chunk) => (received += chunk.length), error: () => {} });
      const packets = Array.from({ length: count }, () => peer.seal(payload(raw.peer)));
      peer.sendBytes(Buffer.concat(packets));
      if (what === 'unknown messages')
        for (let answered = 0; answered < count; answered++) await peer.expect(Msg.UNIMPLEMENTED);
      await peer.barrier(5000);
      expect(subject.errors).toEqual([]);
      expect(received).toBe(what === 'data of one byte' ? 100_000 : 0);
      subject.stop();
    },
    30_000,
  );
});

describe.each(ROLES)('R8: a reader of our %s may, within next,', (role) => {
  /** Sends three pieces in one chunk while the reader does something at the first. */
  async function act(
    action: (situation: ChannelDuel, unsubscribe: () => void) => void,
  ): Promise<{ readonly situation: ChannelDuel; readonly seen: string[] }> {
    const situation = await channelDuel({ role });
    const { peer, channel, raw } = situation;
    const seen: string[] = [];
    const subscription = channel.stdout$.subscribe({
      next: (chunk) => {
        seen.push(Buffer.from(chunk).toString());
        if (seen.length === 1) action(situation, () => subscription.unsubscribe());
      },
      error: (error: unknown) => seen.push(isSshError(error) ? error.kind : 'foreign'),
      complete: () => seen.push('complete'),
    });
    const pieces = ['one', 'two', 'three'].map((text) => peer.seal(message.data(raw.peer, text)));
    peer.sendBytes(Buffer.concat(pieces));
    await settled(peer).then((received) => peer.skipped.push(...received));
    return { situation, seen };
  }

  it('write', async () => {
    const { situation, seen } = await act(({ channel }) =>
      channel.write(Buffer.from('!'), () => {}),
    );
    expect(seen.join('')).toBe('onetwothree');
    expect(situation.peer.skipped.map(({ number }) => number)).toEqual([Msg.DATA]);
  });

  it('say EOF and CLOSE', async () => {
    const { situation, seen } = await act(({ channel }) => {
      channel.end();
      channel.close();
    });
    expect(situation.peer.skipped.map(({ number }) => number)).toEqual([Msg.EOF, Msg.CLOSE]);
    expect(seen.join('')).toBe('one');
  });

  it('unsubscribe', async () => {
    const { situation, seen } = await act((_, unsubscribe) => unsubscribe());
    expect(seen).toEqual(['one']);
    expect(situation.subject.errors).toEqual([]);
    expect(await situation.peer.barrier()).toEqual([]);
  });

  it('open another channel', async () => {
    const { situation, seen } = await act(({ subject }) => {
      subject.open().subscribe({ error: () => undefined });
    });
    expect(seen.join('')).toBe('onetwothree');
    expect(situation.peer.skipped.map(({ number }) => number)).toEqual([Msg.OPEN]);
  });

  it('ask for new keys', async () => {
    const { situation, seen } = await act(({ subject }) => subject.transport?.rekey());
    expect(seen.join('')).toBe('onetwothree');
    expect(situation.peer.skipped.map(({ number }) => number)).toEqual([Msg.KEXINIT]);
  });

  it('disconnect', async () => {
    const { situation, seen } = await act(({ subject }) => subject.transport?.disconnect());
    expect(situation.peer.skipped.map(({ number }) => number)).toEqual([Msg.DISCONNECT]);
    expect(seen).toEqual(['one', 'disconnect']);
    expect(situation.subject.errors).toHaveLength(1);
  });

  it('let go of the whole connection', async () => {
    const { situation } = await act(({ subject }) => subject.stop());
    expect(situation.peer.skipped.map(({ number }) => number)).toEqual([Msg.DISCONNECT]);
    expect(situation.subject.errors).toEqual([]);
  });
});

describe.each(ROLES)('R8: a reader of our %s that throws', (role) => {
  const unhandled: unknown[] = [];
  const usual = config.onUnhandledError;
  beforeEach(() => {
    unhandled.length = 0;
    config.onUnhandledError = (error: unknown) => unhandled.push(error);
  });
  afterEach(() => {
    config.onUnhandledError = usual;
  });

  it.each(['in its next', 'in an operator'] as const)('%s disturbs no other', async (where) => {
    const first = await channelDuel({ role });
    const second = await anotherChannel(first);
    const { peer, subject } = first;
    const thrown = new Error('the reader is broken');
    const seen: unknown[] = [];
    const broken = (): never => {
      throw thrown;
    };
    if (where === 'in its next')
      first.channel.stdout$.subscribe({ next: broken, error: () => undefined });
    else
      first.channel.stdout$
        .pipe(map(broken))
        .subscribe({ error: (error: unknown) => seen.push(error) });
    let text = '';
    second.channel.stdout$.subscribe({
      next: (chunk) => (text += Buffer.from(chunk).toString()),
      error: () => undefined,
    });
    peer.sendBytes(
      Buffer.concat([
        peer.seal(message.data(first.raw.peer, 'x')),
        peer.seal(message.data(second.raw.peer, 'other ')),
        peer.seal(message.data(first.raw.peer, 'x')),
        peer.seal(message.data(second.raw.peer, 'channel')),
      ]),
    );
    expect(await peer.barrier()).toEqual([]);
    expect(text).toBe('other channel');
    expect(subject.errors).toEqual([]);
    // rxjs tells the program of it, on a timer of 0 ms, and nobody else
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (where === 'in its next') expect(unhandled).toEqual([thrown, thrown]);
    else expect([seen, unhandled]).toEqual([[thrown], []]);
    subject.stop();
  });

  it('does not keep its window', async () => {
    const { peer, subject, channel, raw } = await channelDuel({
      role,
      channel: { window: 4 * 32_768 },
    });
    channel.stdout$.subscribe({
      next: () => {
        throw new Error('the reader is broken');
      },
      error: () => undefined,
    });
    for (let count = 0; count < 4; count++) peer.send(message.data(raw.peer, Buffer.alloc(32_768)));
    await peer.until(Msg.WINDOW_ADJUST);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(unhandled).toHaveLength(4);
    subject.stop();
  });
});
