import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { from, Subject, take } from 'rxjs';
import { protocolError } from '../../src/errors.ts';
import { deliver, holdCredit, type Release } from '../../src/operators/credit.ts';
import { dataHead, LARGEST_PACKET } from '../../src/sftp/packets.ts';
import { type DataPiece, replyFrame, sftpFrame } from '../../src/sftp/sftp-frame.ts';
import { concatBytes, fromHex, toHex } from '../../src/wire/bytes.ts';
import { chunkSizes, cut } from '../support/arbitraries.ts';

function framed(packet: Uint8Array): Uint8Array {
  const length = packet.length.toString(16).padStart(8, '0');
  return concatBytes([fromHex(length), packet]);
}

/** What comes of chunks: packets in hexadecimal, then `complete` or the error. */
function of(chunks: readonly Uint8Array[], options = {}): unknown[] {
  const seen: unknown[] = [];
  from(chunks)
    .pipe(sftpFrame(options))
    .subscribe({
      next: (packet) => seen.push(toHex(packet)),
      error: (error: unknown) => seen.push(error),
      complete: () => seen.push('complete'),
    });
  return seen;
}

describe('sftpFrame', () => {
  it('gives the same packets whatever the chunks', () => {
    const packets = fc.array(fc.uint8Array({ minLength: 1, maxLength: 90 }), { maxLength: 12 });
    fc.assert(
      fc.property(packets, chunkSizes, (all, sizes) => {
        const chunks = cut(concatBytes(all.map(framed)), sizes);
        expect(of(chunks)).toEqual([...all.map(toHex), 'complete']);
      }),
    );
  });

  it('takes a packet of the largest size', () => {
    const packet = new Uint8Array(LARGEST_PACKET).fill(7);
    expect(of(cut(framed(packet), [32_768]))).toEqual([toHex(packet), 'complete']);
  });

  it.each([0, LARGEST_PACKET + 1, 0xffff_ffff])('refuses a length of %s (SC5)', (length) => {
    const bytes = fromHex(length.toString(16).padStart(8, '0'));
    for (const chunks of [[bytes], cut(bytes, [1]), [framed(Uint8Array.of(1)), bytes]]) {
      expect(of(chunks).at(-1)).toMatchObject({ kind: 'protocol' });
    }
  });

  it('asks what error a length shall be', () => {
    const refuse = (length: number, bytes: Uint8Array): Error =>
      protocolError(`${String(length)} ${toHex(bytes)}`);
    expect(of([fromHex('000000000102')], { refuse })).toMatchObject([
      { message: '0 000000000102' },
    ]);
  });

  it('keeps to a limit of its own', () => {
    const chunks = [framed(new Uint8Array(5)), framed(new Uint8Array(6))];
    expect(of(chunks, { largestPacket: 5 })).toMatchObject(['0000000000', { kind: 'protocol' }]);
  });

  it.each(['00', '00000002', '0000000201'])('errors when the bytes end behind %s', (hex) => {
    expect(of([fromHex(hex)])).toMatchObject([{ kind: 'protocol' }]);
  });

  it('copies nothing that lies within one chunk', () => {
    const chunk = concatBytes([framed(Uint8Array.of(1, 2)), framed(Uint8Array.of(3))]);
    const packets: Uint8Array[] = [];
    from([chunk])
      .pipe(sftpFrame())
      .subscribe((packet) => packets.push(packet));
    expect(packets.map(({ buffer }) => buffer === chunk.buffer)).toEqual([true, true]);
  });

  it('gives chunks back, and none that a packet is a view of', () => {
    const packets = fc.array(fc.uint8Array({ minLength: 1, maxLength: 90 }), { maxLength: 12 });
    fc.assert(
      fc.property(packets, chunkSizes, (all, sizes) => {
        const seen: Uint8Array[] = [];
        from(cut(concatBytes(all.map(framed)), sizes))
          .pipe(sftpFrame({ done: (chunk) => chunk.fill(0xff) }))
          .subscribe((packet) => seen.push(packet));
        expect(seen.map(toHex)).toEqual(all.map(toHex));
      }),
    );
    const done: number[] = [];
    const stream = concatBytes([framed(new Uint8Array(20)), framed(new Uint8Array(4))]);
    of(cut(stream, [10, 10, 12]), { done: ({ length }: Uint8Array) => done.push(length) });
    // the third holds the second packet
    expect(done).toEqual([10, 10]);
  });

  it('copies what is borrowed', () => {
    const source = new Subject<Uint8Array>();
    const packets: Uint8Array[] = [];
    source.pipe(sftpFrame()).subscribe((packet) => packets.push(packet));
    const chunk = framed(Uint8Array.of(1, 2));
    deliver(source, chunk, () => {}, true);
    chunk.fill(0);
    expect(packets).toEqual([Uint8Array.of(1, 2)]);
  });

  it('lets a consumer hold the credit of the chunk that a packet ended in, and no other', () => {
    const source = new Subject<Uint8Array>();
    const held: Release[] = [];
    source.pipe(sftpFrame()).subscribe(() => held.push(holdCredit()));
    const log: string[] = [];
    const [first, second] = [fromHex('0000000201'), fromHex('02')];
    deliver(source, first, () => log.push('first'));
    deliver(source, second, () => log.push('second'));
    expect(log).toEqual(['first']);
    held[0]?.();
    expect(log).toEqual(['first', 'second']);
  });

  it('emits nothing more to whoever has had enough', () => {
    const chunk = concatBytes([
      framed(Uint8Array.of(1)),
      framed(Uint8Array.of(2)),
      fromHex('00000000'),
    ]);
    const seen: unknown[] = [];
    from([chunk])
      .pipe(sftpFrame(), take(1))
      .subscribe({ next: (packet) => seen.push(packet), complete: () => seen.push('complete') });
    expect(seen).toEqual([Uint8Array.of(1), 'complete']);
  });
});

describe('replyFrame', () => {
  /** What comes of chunks: packets, with a DATA that came in pieces put together again. */
  function repliesOf(chunks: readonly Uint8Array[], takesPieces: (id: number) => boolean) {
    const packets: string[] = [];
    const pieces: DataPiece[] = [];
    let data = '';
    from(chunks)
      .pipe(replyFrame(takesPieces))
      .subscribe((received) => {
        if (received instanceof Uint8Array) {
          packets.push(toHex(received));
          return;
        }
        pieces.push(received);
        data += toHex(received.data);
        if (received.left > 0) return;
        packets.push(toHex(dataPacket(received.id, fromHex(data))));
        data = '';
      });
    return { packets, pieces };
  }

  function dataPacket(id: number, data: Uint8Array): Uint8Array {
    return concatBytes([dataHead(id, data.length).subarray(4), data]);
  }

  const reply = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 60 }).filter(([type]) => type !== 103),
    fc
      .tuple(fc.nat({ max: 3 }), fc.uint8Array({ maxLength: 90 }))
      .map(([id, data]) => dataPacket(id, data)),
  );

  it('gives the same packets as sftpFrame, whatever the chunks and whoever takes pieces', () => {
    fc.assert(
      fc.property(
        fc.array(reply, { maxLength: 12 }),
        chunkSizes,
        fc.subarray([0, 1, 2, 3]),
        (all, sizes, takers) => {
          const chunks = cut(concatBytes(all.map(framed)), sizes);
          const { packets, pieces } = repliesOf(chunks, (id) => takers.includes(id));
          expect(packets).toEqual(all.map(toHex));
          for (const { id } of pieces) expect(takers).toContain(id);
        },
      ),
    );
  });

  it('emits pieces as they come, as views of their chunks', () => {
    const chunks = cut(framed(dataPacket(7, new Uint8Array(100).fill(1))), [40]);
    const { pieces } = repliesOf(chunks, () => true);
    expect(pieces.map(({ id, data, left }) => [id, data.length, left])).toEqual([
      [7, 27, 73],
      [7, 40, 33],
      [7, 33, 0],
    ]);
    expect(pieces.map(({ data }) => data.buffer)).toEqual(chunks.map(({ buffer }) => buffer));
  });

  it('lets whoever has all that a chunk holds give its memory away', () => {
    const data = Uint8Array.from({ length: 100 }, (_, index) => index);
    const seen: string[] = [];
    from(cut(framed(dataPacket(7, data)), [40]).map((chunk) => chunk.slice()))
      .pipe(replyFrame(() => true))
      .subscribe((piece) => {
        if (!('data' in piece)) return;
        seen.push(toHex(piece.data));
        if (piece.data.length === 40)
          structuredClone(0, { transfer: [piece.data.buffer as ArrayBuffer] });
      });
    expect(seen.join('')).toBe(toHex(data));
  });

  it.each([
    ['a length of data that does not fit the packet', '0000006467000000010000006500000000'],
    ['another packet', '0000006468000000010000005b00000000'],
  ])('gathers %s, which is for others to judge', (_, hex) => {
    const packet = concatBytes([fromHex(hex), new Uint8Array(104 - hex.length / 2)]);
    expect(repliesOf(cut(packet, [20]), () => true)).toEqual({
      packets: [toHex(packet.subarray(4))],
      pieces: [],
    });
  });

  it('errors when the source ends in the middle of a DATA', () => {
    const errors: unknown[] = [];
    from([framed(dataPacket(1, new Uint8Array(50))).subarray(0, 30)])
      .pipe(replyFrame(() => true))
      .subscribe({ error: (error: unknown) => errors.push(error) });
    expect(errors).toMatchObject([{ kind: 'protocol' }]);
  });
});
