import { Writable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { Writer } from '../../src/cli/writer.ts';

/** A stream that is congested by one chunk, and takes one at a time. */
function slow(): { readonly stream: Writable; readonly written: () => string } {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (chunk.length < 100) chunks.push(chunk.toString());
      setImmediate(done);
    },
  });
  return { stream, written: () => chunks.join('') };
}

describe('Writer', () => {
  it('runs what waits in order, also what comes while it does', async () => {
    const { stream, written } = slow();
    const writer = new Writer(stream);
    writer.write(new Uint8Array(64 * 1024));
    const late = new Set([2, 5]);
    for (let i = 0; i < 8; i++) {
      writer.whenReady(() => {
        writer.write(`${String(i)} `);
        if (late.has(i)) writer.whenReady(() => writer.write(`late${String(i)} `));
      });
    }
    expect(written()).toBe('');
    await writer.flushed();
    expect(written()).toBe('0 1 2 3 4 5 6 7 late2 late5 ');
  });

  it('takes time that grows with how much waits', async () => {
    const cost = async (count: number): Promise<number> => {
      const stream = new Writable({ write: (_chunk, _encoding, done) => process.nextTick(done) });
      // always congested, but for the moment when a chunk is through
      let congested = 0;
      Object.defineProperty(stream, 'writableLength', { get: () => (congested++ % 2) * 64 * 1024 });
      const writer = new Writer(stream);
      writer.write('x');
      congested = 1;
      for (let i = 0; i < count; i++) writer.whenReady(() => writer.write('x'));
      const begin = process.cpuUsage();
      congested = 0;
      await writer.flushed();
      const { user, system } = process.cpuUsage(begin);
      return user + system;
    };
    await cost(4_000);
    expect(await cost(64_000)).toBeLessThan(64 * (await cost(4_000)));
  });
});
