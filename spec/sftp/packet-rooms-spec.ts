import { describe, expect, it } from '@jest/globals';
import { giveRoom, takeRoom } from '../../src/sftp/packet-rooms.ts';
import { LARGEST_PACKET, LENGTH_BYTES } from '../../src/sftp/packets.ts';

const KIB = 1024;

describe('rooms for packets', () => {
  it.each([8 * KIB + 1, 32 * KIB + 300, 33 * KIB + 1, LENGTH_BYTES + LARGEST_PACKET])(
    'gives room for %s bytes that was given back',
    (length) => {
      const room = takeRoom(length);
      expect(room).toHaveLength(length);
      giveRoom(room);
      expect(takeRoom(length).buffer).toBe(room.buffer);
    },
  );

  it('takes no more memory than requests of 32 KiB need', () => {
    expect(takeRoom(32 * KIB + 300).buffer.byteLength).toBeLessThanOrEqual(33 * KIB);
  });

  it('keeps 4 MiB of each size at the most', () => {
    const rooms = Array.from({ length: 200 }, () => takeRoom(32 * KIB));
    for (const room of rooms) giveRoom(room);
    const kept = new Set<ArrayBufferLike>(rooms.map(({ buffer }) => buffer));
    const again = Array.from({ length: 200 }, () => takeRoom(32 * KIB).buffer);
    expect(again.filter((buffer) => kept.has(buffer))).toHaveLength(Math.floor((4 * KIB) / 33));
  });

  it('leaves alone what is none', () => {
    const other = new Uint8Array(9 * KIB);
    giveRoom(other);
    expect(takeRoom(9 * KIB).buffer).not.toBe(other.buffer);
  });
});
