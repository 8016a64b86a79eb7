import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { from, Subject, take } from 'rxjs';
import { protocolError } from '../../src/errors.ts';
import { deliver, holdCredit, type Release } from '../../src/operators/credit.ts';
import { LARGEST_PACKET } from '../../src/sftp/packets.ts';
import { sftpFrame } from '../../src/sftp/sftp-frame.ts';
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
