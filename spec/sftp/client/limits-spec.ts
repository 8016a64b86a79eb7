import { describe, expect, it } from '@jest/globals';
import { limits } from '../../../src/sftp/extensions.ts';
import { DEFAULT_LIMITS, limitsOf } from '../../../src/sftp/client/limits.ts';
import { reading } from '../../support/damage.ts';

const KiB = 1024;

function told(packet: bigint, read: bigint, write: bigint, handles = 0n): unknown {
  const values = { maxPacketLength: packet, maxReadLength: read, maxWriteLength: write };
  return limitsOf(limits.reply.encode({ ...values, maxOpenHandles: handles }));
}

describe('limits@openssh.com (SC10)', () => {
  const ours = 255 * KiB;
  const huge = 2n ** 64n - 1n;

  it.each([
    ['as OpenSSH tells them', told(262_144n, 261_120n, 261_120n, 1019n), ours, ours, 1019],
    ['zero is the default', told(0n, 0n, 0n), 32 * KiB, 32 * KiB, 0],
    ['more than is taken here', told(huge, huge, huge, huge), ours, ours, Number.MAX_SAFE_INTEGER],
    ['different ones', told(0n, 100n, 200n), 100, 200, 0],
    ['a packet smaller than its data', told(10_000n, 50_000n, 0n), 8976, 8976, 0],
    ['a packet without room', told(1n, 0n, 0n), 1, 1, 0],
    ['one byte', told(0n, 1n, 1n), 1, 1, 0],
  ])('%s', (_what, is, readLength, writeLength, openHandles) => {
    expect(is).toEqual({ readLength, writeLength, openHandles });
  });

  it('of a server that says nothing are what the draft asks of all', () => {
    expect(DEFAULT_LIMITS).toEqual({ readLength: 32 * KiB, writeLength: 32 * KiB, openHandles: 0 });
  });

  it('cut short are a protocol error', () => {
    expect(reading(() => limitsOf(new Uint8Array(31)))).toBe('protocol');
  });
});
