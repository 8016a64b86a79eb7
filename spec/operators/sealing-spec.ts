/** hold, pad, seal and coalesce: how a payload leaves. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { map, of, Subject } from 'rxjs';
import { defaultProvider } from '#crypto';
import { plainSealer } from '../../src/crypto/plain.ts';
import { coalesce } from '../../src/operators/coalesce.ts';
import { hold } from '../../src/operators/hold.ts';
import { pad } from '../../src/operators/pad.ts';
import { RunQueue } from '../../src/operators/run-queue.ts';
import { seal } from '../../src/operators/seal.ts';
import { initialOutbound } from '../../src/transport/direction.ts';
import { PACKET_HEADER, paddingLength } from '../../src/transport/padding.ts';
import { readUint32 } from '../../src/wire/bytes.ts';
import { Writer } from '../../src/wire/writer.ts';
import { marbles, ofKind } from '../support/marbles.ts';
import { count } from '../support/sender.ts';
import { openerOf, packetOf, sealerOf, SUITES } from '../support/suites.ts';

/** A payload that begins with this message number. */
function payload(number: number, length = 1): Writer {
  const bytes = new Uint8Array(length);
  bytes[0] = number;
  return new Writer(8, PACKET_HEADER).raw(bytes);
}

describe('hold', () => {
  it('lets everything through while the gate is open', () => {
    marbles(({ cold, expectObservable }) => {
      const held = cold('a-b|', { a: payload(94), b: payload(5) }).pipe(
        hold(initialOutbound()),
        map((writer) => writer.bytes()),
      );
      expectObservable(held).toBe('a-b|', { a: Uint8Array.of(94), b: Uint8Array.of(5) });
    });
  });

  it('lets only messages of the key exchange through while it is closed, and the others in order when it opens', () => {
    const outbound = initialOutbound();
    const payloads$ = new Subject<Writer>();
    const seen: number[] = [];
    payloads$.pipe(hold(outbound)).subscribe((writer) => seen.push(writer.view()[0] ?? 0));
    outbound.gate.close();
    const reused = new Writer(8, PACKET_HEADER);
    for (const number of [94, 20, 30, 5, 1, 6, 31, 21, 2, 3, 4, 90, 50, 192])
      payloads$.next(reused.reset().byte(number));
    expect(seen).toEqual([20, 30, 1, 31, 21, 2, 3, 4]);
    outbound.gate.open();
    expect(seen.slice(8)).toEqual([94, 5, 6, 90, 50, 192]);
    payloads$.next(payload(95));
    outbound.gate.close();
    payloads$.next(payload(96));
    outbound.gate.open();
    expect(seen.slice(-2)).toEqual([95, 96]);
  });

  it('keeps room for a header in front of what it has held', () => {
    const outbound = initialOutbound();
    outbound.gate.close();
    const payloads$ = new Subject<Writer>();
    const packets: Uint8Array[] = [];
    payloads$
      .pipe(hold(outbound), pad(outbound, defaultProvider))
      .subscribe((packet) => packets.push(packet.slice()));
    payloads$.next(payload(94, 100));
    outbound.gate.open();
    expect(packets[0]?.[PACKET_HEADER]).toBe(94);
    expect(readUint32(packets[0] ?? new Uint8Array(4), 0)).toBe((packets[0]?.length ?? 0) - 4);
  });

  it('errors with overflow past 2 MiB, each message counted as 128 bytes more', () => {
    marbles(({ hot, expectObservable }) => {
      const outbound = initialOutbound();
      outbound.gate.close();
      const half = payload(94, 1024 * 1024 - 128);
      const source = hot('aab', { a: half, b: payload(94) });
      expectObservable(source.pipe(hold(outbound))).toBe('--#', undefined, ofKind('overflow'));
    });
  });

  it('errors with overflow for many messages of one byte', () => {
    const outbound = initialOutbound();
    outbound.gate.close();
    const payloads$ = new Subject<Writer>();
    let error: unknown;
    payloads$.pipe(hold(outbound)).subscribe({ error: (each: unknown) => (error = each) });
    const small = payload(99);
    let held = 0;
    for (; error === undefined; held++) payloads$.next(small);
    expect(error).toMatchObject({ kind: 'overflow' });
    expect(held).toBe(Math.floor((2 * 1024 * 1024) / 129) + 1);
  });

  it('says nothing when the gate opens after it was unsubscribed', () => {
    const outbound = initialOutbound();
    outbound.gate.close();
    const payloads$ = new Subject<Writer>();
    let seen = 0;
    const subscription = payloads$.pipe(hold(outbound)).subscribe(() => seen++);
    payloads$.next(payload(94));
    subscription.unsubscribe();
    outbound.gate.open();
    expect(seen).toBe(0);
  });
});

describe('pad', () => {
  it.each([
    ['without keys', plainSealer] as const,
    ...SUITES.map((suite) => [suite.name, sealerOf(suite, defaultProvider)] as const),
  ])('frames any payload, %s', (_name, sealer) => {
    const outbound = { ...initialOutbound(), sealer };
    for (let length = 1; length < 80; length++) {
      let packet = new Uint8Array(0);
      of(payload(94, length))
        .pipe(pad(outbound, defaultProvider))
        .subscribe((each) => (packet = each.slice()));
      const padding = packet[4] ?? 0;
      expect(readUint32(packet, 0)).toBe(packet.length - 4);
      expect(packet.length).toBe(5 + length + padding);
      expect(padding).toBeGreaterThanOrEqual(4);
      expect(padding).toBe(paddingLength(sealer, length));
      expect(packet.length).toBeGreaterThanOrEqual(16);
      expect((packet.length - (sealer.lengthIsAligned ? 0 : 4)) % sealer.blockSize).toBe(0);
      expect(packet[5]).toBe(94);
    }
  });

  it('pads with random bytes, never the same', () => {
    const paddings = new Set<string>();
    for (let i = 0; i < 1000; i++) {
      of(payload(94, 1))
        .pipe(pad(initialOutbound(), defaultProvider))
        .subscribe((packet) => paddings.add(packet.subarray(6).join()));
    }
    expect(paddings.size).toBe(1000);
  });
});

describe('seal', () => {
  it('T18: numbers and counts packets, around 2³²', () => {
    const outbound = { ...initialOutbound(), sequenceNumber: 0xffff_ffff };
    const packet = packetOf(plainSealer, 10);
    const packets$ = new Subject<Uint8Array>();
    const seen: Uint8Array[] = [];
    packets$.pipe(seal(outbound)).subscribe((each) => seen.push(each));
    packets$.next(packet);
    packets$.next(packet);
    expect(seen).toEqual([packet, packet]);
    expect(outbound).toMatchObject({ sequenceNumber: 1, packets: 2, bytes: 2 * packet.length });
  });

  it('switches keys between two packets', () => {
    const outbound = initialOutbound();
    const suite = SUITES[0];
    if (suite === undefined) throw new Error('no suite');
    const packets$ = new Subject<Uint8Array>();
    const seen: Uint8Array[] = [];
    packets$.pipe(seal(outbound)).subscribe((each) => seen.push(each));
    const plain = packetOf(plainSealer, 10);
    packets$.next(plain);
    outbound.sealer = sealerOf(suite, defaultProvider);
    const secret = packetOf(outbound.sealer, 10);
    packets$.next(secret);
    const opener = openerOf(suite, defaultProvider);
    expect(seen[0]).toEqual(plain);
    expect(opener.decrypt(seen[1] ?? plain, 1)).toEqual(secret.subarray(4));
  });

  it('puts packets where it is told', () => {
    const target = new Uint8Array(100);
    const lengths: number[] = [];
    const packet = packetOf(plainSealer, 10);
    of(packet)
      .pipe(
        seal(initialOutbound(), (length) => {
          lengths.push(length);
          return target.subarray(8, 8 + length);
        }),
      )
      .subscribe();
    expect(lengths).toEqual([packet.length]);
    expect(target.subarray(8, 8 + packet.length)).toEqual(packet);
  });
});

describe('coalesce', () => {
  it('joins what stands together, when the run queue has run dry', () => {
    const queue = new RunQueue();
    const buffer = Uint8Array.from(count(20));
    const packets$ = new Subject<Uint8Array>();
    const seen: Uint8Array[] = [];
    packets$.pipe(coalesce(queue)).subscribe((each) => seen.push(each));
    queue.run(() => {
      for (const [from, to] of [
        [0, 3],
        [3, 4],
        [4, 9],
      ] as const)
        packets$.next(buffer.subarray(from, to));
      expect(seen).toEqual([]);
    });
    expect(seen).toEqual([buffer.subarray(0, 9)]);
    queue.run(() => packets$.next(buffer.subarray(9, 12)));
    expect(seen.slice(1)).toEqual([buffer.subarray(9, 12)]);
  });

  it('keeps apart what does not, in order', () => {
    const queue = new RunQueue();
    const buffer = Uint8Array.from(count(20));
    const packets$ = new Subject<Uint8Array>();
    const seen: Uint8Array[] = [];
    packets$.pipe(coalesce(queue)).subscribe((each) => seen.push(each));
    queue.run(() => {
      packets$.next(buffer.subarray(0, 3));
      packets$.next(buffer.subarray(4, 6));
      packets$.next(Uint8Array.of(99));
    });
    expect(seen).toEqual([buffer.subarray(0, 3), buffer.subarray(4, 6), Uint8Array.of(99)]);
  });

  it('emits what it has before completion, and nothing after it was unsubscribed', () => {
    const queue = new RunQueue();
    const events: unknown[] = [];
    const packets$ = new Subject<Uint8Array>();
    packets$.pipe(coalesce(queue)).subscribe({
      next: (packet) => events.push(packet),
      complete: () => events.push('complete'),
    });
    packets$.next(Uint8Array.of(1));
    packets$.complete();
    expect(events).toEqual([Uint8Array.of(1), 'complete']);
    const others$ = new Subject<Uint8Array>();
    let seen = 0;
    const subscription = others$.pipe(coalesce(queue)).subscribe(() => seen++);
    others$.next(Uint8Array.of(1));
    subscription.unsubscribe();
    queue.run(() => undefined);
    expect(seen).toBe(0);
  });

  it('loses no byte, whatever stands where', () => {
    const pieces = fc.array(
      fc.record({
        length: fc.integer({ min: 1, max: 9 }),
        gap: fc.nat({ max: 1 }),
        isLast: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(pieces, (layout) => {
        const queue = new RunQueue();
        const buffer = Uint8Array.from({ length: 2000 }, (_, at) => at & 0xff);
        const packets$ = new Subject<Uint8Array>();
        const seen: number[] = [];
        packets$.pipe(coalesce(queue)).subscribe((each) => seen.push(...each));
        const expected: number[] = [];
        let at = 0;
        for (const { length, gap, isLast } of layout) {
          at += gap;
          const piece = buffer.subarray(at, at + length);
          at += length;
          expected.push(...piece);
          packets$.next(piece);
          if (isLast) queue.run(() => undefined);
        }
        queue.run(() => undefined);
        expect(seen).toEqual(expected);
      }),
    );
  });
});
