import { describe, expect, it } from '@jest/globals';
import { concat, from, map, NEVER, of, Subject } from 'rxjs';
import { defaultProvider } from '#crypto';
import { isSshError } from '../../src/errors.ts';
import { deliver } from '../../src/operators/credit.ts';
import { frame, type SealedPacket } from '../../src/operators/frame.ts';
import { RunQueue } from '../../src/operators/run-queue.ts';
import { plainSealer } from '../../src/crypto/plain.ts';
import {
  type Inbound,
  initialInbound,
  MAX_PACKET_LENGTH,
  MAX_PACKET_LENGTH_BEFORE_AUTH,
} from '../../src/transport/direction.ts';
import { concatBytes, writeUint32 } from '../../src/wire/bytes.ts';
import { chunked, marbles, ofKind } from '../support/marbles.ts';
import { processorTime } from '../support/processor-time.ts';
import { count, Sender } from '../support/sender.ts';
import { keysOf, openerOf, packetOf, sealed, sealerOf, SUITES } from '../support/suites.ts';

/** Plain packets of these payload lengths, one behind the other. */
function plainPackets(...lengths: number[]): Uint8Array[] {
  return lengths.map((length, i) => packetOf(plainSealer, length, i));
}

/** A packet_length, and what may follow it. */
function lengthField(length: number, following = 0): Uint8Array {
  const bytes = new Uint8Array(4 + following);
  writeUint32(bytes, 0, length);
  return bytes;
}

/** The packets that come out of these chunks, copied, and the kind of the error. */
function framed(
  chunks: readonly Uint8Array[],
  inbound: Inbound = initialInbound(),
  packet: (sealed: SealedPacket) => void = () => undefined,
): { packets: Uint8Array[]; error?: unknown } {
  const seen: { packets: Uint8Array[]; error?: unknown } = { packets: [] };
  from(chunks)
    .pipe(frame(inbound))
    .subscribe({
      next: (each) => {
        seen.packets.push(each.packet.slice());
        packet(each);
      },
      error: (error: unknown) => (seen.error = isSshError(error) ? error.kind : error),
    });
  return seen;
}

describe('frame', () => {
  it('emits a packet when its last byte has come, numbered', () => {
    const [one, two] = plainPackets(10, 20) as [Uint8Array, Uint8Array];
    marbles(({ cold, expectObservable }) => {
      const chunks = { a: one.subarray(0, 7), b: concatBytes([one.subarray(7), two]) };
      const packets = cold('a--b----|', chunks).pipe(
        frame(initialInbound()),
        map((each) => ({ ...each, packet: each.packet.slice() })),
      );
      expectObservable(packets).toBe('---(xy)-|', {
        x: { sequenceNumber: 0, packet: one },
        y: { sequenceNumber: 1, packet: two },
      });
    });
  });

  it('cuts the same packets out of any chunks', () => {
    const packets = plainPackets(1, 100, 3, 1000, 0x1ff);
    const bytes = concatBytes(packets);
    for (const size of [1, 2, 3, 5, 8, 13, 21, 997, bytes.length]) {
      expect(framed(chunked(bytes, size))).toEqual({ packets });
    }
    for (let at = 0; at <= bytes.length; at++) {
      expect(framed([bytes.subarray(0, at), bytes.subarray(at)])).toEqual({ packets });
    }
  });

  it.each(SUITES.map((suite) => [suite.name, suite] as const))(
    'cuts %s in single bytes and split at every place',
    (_name, suite) => {
      const sealer = sealerOf(suite, defaultProvider);
      const packets = [0, 40, 7].map((length, i) =>
        sealed(sealer, packetOf(sealer, length + 1, i), i),
      );
      const bytes = concatBytes(packets);
      const cutUp = (chunks: Uint8Array[]): unknown => {
        const inbound = initialInbound();
        inbound.opener = openerOf(suite, defaultProvider);
        // ciphers count on each packet being opened before the next one is measured
        const opened = framed(chunks, inbound, ({ packet, sequenceNumber }) =>
          inbound.opener.decrypt(packet, sequenceNumber),
        );
        return { error: opened.error, lengths: opened.packets.map((packet) => packet.length) };
      };
      const expected = { error: undefined, lengths: packets.map((packet) => packet.length) };
      expect(cutUp(chunked(bytes, 1))).toEqual(expected);
      for (let at = 0; at <= bytes.length; at++)
        expect(cutUp([bytes.slice(0, at), bytes.slice(at)])).toEqual(expected);
    },
  );

  it('measures a packet with the keys that the one before it has brought', () => {
    const suite = SUITES[0];
    if (suite === undefined) throw new Error('no suite');
    const sealer = sealerOf(suite, defaultProvider, keysOf(suite));
    const plain = plainPackets(17)[0] ?? new Uint8Array(0);
    const secret = sealed(sealer, packetOf(sealer, 33), 1);
    const inbound = initialInbound();
    const { packets, error } = framed(
      [concatBytes([plain, secret])],
      inbound,
      ({ sequenceNumber }) => {
        if (sequenceNumber === 0) inbound.opener = openerOf(suite, defaultProvider);
      },
    );
    expect(error).toBeUndefined();
    expect(packets).toEqual([plain, secret]);
  });

  it('T18: counts packets and bytes, and numbers around 2³²', () => {
    const inbound = initialInbound();
    inbound.sequenceNumber = 0xffff_ffff;
    const numbers: number[] = [];
    const bytes = concatBytes(plainPackets(10, 20));
    framed([bytes], inbound, ({ sequenceNumber }) => numbers.push(sequenceNumber));
    expect(numbers).toEqual([0xffff_ffff, 0]);
    expect(inbound).toMatchObject({ sequenceNumber: 1, packets: 2, bytes: bytes.length });
  });

  describe('a packet_length', () => {
    it.each([0, 1, 5, 7, 13, 0x7fff_ffff, 0xffff_ffff])(
      'of %s is a protocol error before more has come',
      (length) => {
        marbles(({ cold, expectObservable }) => {
          const source = concat(cold('a|', { a: lengthField(length) }), NEVER);
          expectObservable(source.pipe(frame(initialInbound()))).toBe(
            '#',
            undefined,
            ofKind('protocol'),
          );
        });
      },
    );

    it.each([
      [MAX_PACKET_LENGTH_BEFORE_AUTH, MAX_PACKET_LENGTH_BEFORE_AUTH - 4],
      [MAX_PACKET_LENGTH, MAX_PACKET_LENGTH - 4],
    ])('may be up to the limit of %s', (maximumPacketLength, largest) => {
      const aligned = largest - ((largest + 4) % 8);
      const inbound = { ...initialInbound(), maximumPacketLength };
      expect(framed([lengthField(aligned, aligned)], inbound).packets).toHaveLength(1);
      const tooLong = aligned + 8 * Math.ceil((maximumPacketLength - aligned + 1) / 8);
      expect(framed([lengthField(tooLong)], inbound).error).toBe('protocol');
    });

    it('that is wrong is found behind good packets, which are emitted', () => {
      const [good] = plainPackets(10) as [Uint8Array];
      expect(framed([concatBytes([good, lengthField(3)])])).toEqual({
        packets: [good],
        error: 'protocol',
      });
    });
  });

  it('drops an incomplete packet at completion', () => {
    const [good] = plainPackets(10) as [Uint8Array];
    expect(framed([concatBytes([good, lengthField(12)])])).toEqual({ packets: [good] });
  });

  it('makes an error of whoever takes the packet an end: nothing more is cut', () => {
    let seen = 0;
    const bytes = concatBytes(plainPackets(1, 2, 3));
    of(bytes)
      .pipe(frame(initialInbound()))
      .subscribe(() => {
        seen++;
      })
      .unsubscribe();
    expect(seen).toBe(3);
    const source$ = new Subject<Uint8Array>();
    const subscription = source$.pipe(frame(initialInbound())).subscribe(() => {
      seen++;
      subscription.unsubscribe();
    });
    source$.next(bytes);
    expect(seen).toBe(4);
  });

  it('copies chunks in: they are the source’s again when next returns', () => {
    const [packet] = plainPackets(30) as [Uint8Array];
    const source$ = new Subject<Uint8Array>();
    const packets: Uint8Array[] = [];
    source$.pipe(frame(initialInbound())).subscribe((each) => packets.push(each.packet.slice()));
    for (const chunk of chunked(packet, 9)) {
      source$.next(chunk);
      chunk.fill(0xdb);
    }
    expect(packets).toEqual([packet]);
  });

  it('takes chunks that a packet brings about, behind those that wait', () => {
    const source$ = new Subject<Uint8Array>();
    const [first, second, third, fourth] = plainPackets(1, 2, 3, 4) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    const lengths: number[] = [];
    source$.pipe(frame(initialInbound())).subscribe(({ packet, sequenceNumber }) => {
      if (sequenceNumber === 0) source$.next(third.slice());
      if (sequenceNumber === 1) source$.next(fourth.slice());
      lengths.push(packet[4] ?? 0);
    });
    source$.next(concatBytes([first, second]));
    expect(lengths).toEqual([first, second, third, fourth].map((each) => each[4]));
  });

  it('takes its turn on the run queue, outside of the delivery', () => {
    const queue = new RunQueue();
    const [packet] = plainPackets(1) as [Uint8Array];
    const events: string[] = [];
    queue.run(() => {
      of(packet)
        .pipe(frame(initialInbound(), queue))
        .subscribe({ next: () => events.push('packet'), complete: () => events.push('complete') });
      events.push('task');
    });
    expect(events).toEqual(['task', 'packet', 'complete']);
  });

  describe('while the gate is closed', () => {
    it('cuts nothing of what came before and after, and all of it when it opens', () => {
      const inbound = initialInbound();
      const source$ = new Subject<Uint8Array>();
      const [first, second, third] = plainPackets(1, 2, 3) as [Uint8Array, Uint8Array, Uint8Array];
      const seen: number[] = [];
      source$.pipe(frame(inbound)).subscribe(({ sequenceNumber }) => {
        seen.push(sequenceNumber);
        if (sequenceNumber === 0) inbound.gate.close();
      });
      source$.next(concatBytes([first, second]));
      expect(seen).toEqual([0]);
      source$.next(third);
      expect(seen).toEqual([0]);
      inbound.gate.open();
      expect(seen).toEqual([0, 1, 2]);
    });

    it('holds the credit of what arrives, and gives it back when it opens or is unsubscribed', () => {
      for (const end of ['open', 'unsubscribe'] as const) {
        const inbound = initialInbound();
        const sender = new Sender(plainPackets(...count(9)), 4);
        inbound.gate.close();
        const subscription = sender.stream$.pipe(frame(inbound)).subscribe();
        expect(sender).toMatchObject({ sent: 4, outstanding: 4 });
        if (end === 'open') inbound.gate.open();
        else subscription.unsubscribe();
        expect(sender.outstanding).toBe(0);
        expect(sender.sent).toBe(end === 'open' ? 9 : 4);
      }
    });

    it('gives credit back at once while it is open', () => {
      let acknowledged = 0;
      const source$ = new Subject<Uint8Array>();
      source$.pipe(frame(initialInbound())).subscribe();
      deliver(source$, Uint8Array.of(1), () => acknowledged++);
      expect(acknowledged).toBe(1);
    });

    it('completes only when it has opened, and errors at once', () => {
      marbles(({ cold, expectObservable }) => {
        const inbound = initialInbound();
        inbound.gate.close();
        const [packet] = plainPackets(5) as [Uint8Array];
        cold('-----x').subscribe(() => inbound.gate.open());
        const packets = cold('a-|', { a: packet }).pipe(
          frame(inbound),
          map((each) => ({ ...each, packet: each.packet.slice() })),
        );
        expectObservable(packets).toBe('-----(p|)', {
          p: { sequenceNumber: 0, packet },
        });
        const closed = initialInbound();
        closed.gate.close();
        expectObservable(cold('a-#', { a: packet }).pipe(frame(closed))).toBe('--#');
      });
    });

    it('may close again and again', () => {
      const inbound = initialInbound();
      const seen: number[] = [];
      from([concatBytes(plainPackets(...count(5)))])
        .pipe(frame(inbound))
        .subscribe(({ sequenceNumber }) => {
          seen.push(sequenceNumber);
          inbound.gate.close();
        });
      for (const number of count(5)) {
        expect(seen).toEqual([...count(number + 1)]);
        inbound.gate.open();
      }
    });
  });

  it('takes a packet of 256 KiB in single bytes in less than half a second of processor time', () => {
    const suite = SUITES[0];
    if (suite === undefined) throw new Error('no suite');
    const sealer = sealerOf(suite, defaultProvider);
    const bytes = sealed(sealer, packetOf(sealer, 262_000), 0);
    const inbound = {
      ...initialInbound(),
      opener: openerOf(suite, defaultProvider),
      maximumPacketLength: MAX_PACKET_LENGTH,
    };
    const source$ = new Subject<Uint8Array>();
    let packets = 0;
    source$.pipe(frame(inbound)).subscribe(() => packets++);
    const spent = processorTime();
    for (let at = 0; at < bytes.length; at++) source$.next(bytes.subarray(at, at + 1));
    const taken = spent();
    expect(packets).toBe(1);
    expect(taken).toBeLessThan(500);
  });
});
