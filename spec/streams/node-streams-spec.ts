import { describe, expect, it } from '@jest/globals';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { concat, firstValueFrom, NEVER, of, range, Subject, throwError } from 'rxjs';
import { deliver } from '../../src/operators/credit.ts';
import { memoryPair } from '../../src/streams/memory-pair.ts';
import { nodeDuplex } from '../../src/streams/node-duplex-node.ts';
import { toNodeDuplex } from '../../src/streams/to-node-duplex-node.ts';
import { toNodeReadable } from '../../src/streams/to-node-readable-node.ts';
import { chunked, utf8 } from '../support/marbles.ts';
import { count, Sender } from '../support/sender.ts';

async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

async function collected(stream: Readable): Promise<unknown[]> {
  const seen: unknown[] = [];
  for await (const value of stream) seen.push(value);
  return seen;
}

describe('toNodeReadable', () => {
  it('gives bytes and text, and ends', async () => {
    const chunks = await collected(toNodeReadable(of(utf8('ab'), 'cd')));
    expect(Buffer.concat(chunks as Buffer[]).toString()).toBe('abcd');
  });

  it('gives other values in object mode', async () => {
    expect(await collected(toNodeReadable(of(1, 2, 3), { objectMode: true }))).toEqual([1, 2, 3]);
  });

  it('errors behind the values before the error', async () => {
    const source = concat(
      of('ab'),
      throwError(() => new Error('lost')),
    );
    const seen: string[] = [];
    const read = pipeline(toNodeReadable(source), async (chunks) => {
      for await (const chunk of chunks as AsyncIterable<Buffer>) seen.push(chunk.toString());
    });
    await expect(read).rejects.toThrow('lost');
    expect(seen).toEqual(['ab']);
  });

  it('holds credit until a value was read', async () => {
    const sender = new Sender(chunked(new Uint8Array(100), 10), 2);
    const stream = toNodeReadable(sender.stream$);
    await settled();
    expect(sender.sent).toBe(0);
    stream.read(0);
    await settled();
    expect(sender.acknowledged).toBe(0);
    expect(stream.read()).toEqual(Buffer.alloc(10));
    await settled();
    expect(sender.acknowledged).toBe(1);
    expect(sender.outstanding).toBe(2);
    stream.destroy();
    await settled();
    expect(sender).toMatchObject({ isUnsubscribed: true, outstanding: 0 });
  });

  it('unsubscribes when it is destroyed while it waits', async () => {
    const source$ = new Subject<string>();
    const stream = toNodeReadable(source$);
    stream.read(0);
    await settled();
    expect(source$.observed).toBe(true);
    stream.destroy();
    expect(source$.observed).toBe(false);
  });

  it('errors with overflow when a source without credit is faster', async () => {
    const stream = toNodeReadable(range(0, 100), { objectMode: true, highWaterMark: 5 });
    await expect(collected(stream)).rejects.toMatchObject({ kind: 'overflow' });
  });
});

describe('nodeDuplex', () => {
  it('makes an error of the stream connection-lost, with its cause', async () => {
    const stream = new PassThrough();
    const lost = expect(firstValueFrom(nodeDuplex(stream).readable$)).rejects.toMatchObject({
      kind: 'connection-lost',
      cause: expect.objectContaining({ message: 'broken pipe' }),
    });
    stream.destroy(new Error('broken pipe'));
    await lost;
  });

  it('leaves no error uncaught when nobody reads', async () => {
    const stream = new PassThrough();
    const duplex = nodeDuplex(stream);
    stream.destroy(new Error('broken pipe'));
    await settled();
    await expect(firstValueFrom(duplex.readable$)).rejects.toMatchObject({
      kind: 'connection-lost',
      message: 'connection lost: broken pipe',
    });
  });

  it('knows an error of a stream that is not destroyed by it', async () => {
    const stream = new PassThrough({ autoDestroy: false });
    const duplex = nodeDuplex(stream);
    stream.emit('error', new Error('odd'));
    await expect(firstValueFrom(duplex.readable$)).rejects.toMatchObject({
      kind: 'connection-lost',
    });
  });

  it('copies what it writes: a PassThrough keeps what it calls back for', async () => {
    const stream = new PassThrough();
    const duplex = nodeDuplex(stream);
    const bytes = Buffer.from('abc');
    await new Promise<void>((resolve) => duplex.write(bytes, resolve));
    bytes.fill(0);
    const chunk = await firstValueFrom(duplex.readable$);
    expect(new TextDecoder().decode(chunk)).toBe('abc');
  });

  it('gives plain bytes, no Buffer', async () => {
    const stream = new PassThrough();
    stream.write('abc');
    const chunk = await firstValueFrom(nodeDuplex(stream).readable$);
    expect(Buffer.isBuffer(chunk)).toBe(false);
  });
});

describe('toNodeDuplex', () => {
  it('carries a pipeline both ways', async () => {
    const [near, far] = memoryPair({ chunk: 1000 });
    const nearStream = toNodeDuplex(near);
    const farStream = toNodeDuplex(far);
    const echoed = pipeline(farStream, new PassThrough(), farStream);
    const bytes = Buffer.from(Uint8Array.from(count(50_000)));
    nearStream.end(bytes);
    const back = await collected(nearStream);
    expect(Buffer.compare(Buffer.concat(back as Buffer[]), bytes)).toBe(0);
    await echoed;
  });

  it('holds credit while its buffer is full', async () => {
    let acknowledged = 0;
    const source$ = new Subject<Uint8Array>();
    const nothing = (): void => undefined;
    const stream = toNodeDuplex({
      readable$: source$,
      write: nothing,
      end: nothing,
      destroy: nothing,
    });
    stream.read(0);
    const chunk = new Uint8Array(stream.readableHighWaterMark);
    for (let i = 0; i < 3; i++) deliver(source$, chunk, () => acknowledged++, true);
    expect(acknowledged).toBe(0);
    stream.resume();
    await settled();
    expect(acknowledged).toBe(3);
    stream.destroy();
    await settled();
    expect(source$.observed).toBe(false);
  });

  it('is destroyed with the error of the duplex, and destroys it', async () => {
    let destroyed = 0;
    const stream = toNodeDuplex({
      readable$: throwError(() => new Error('lost')),
      write: (_bytes, done) => done(),
      end: () => undefined,
      destroy: () => destroyed++,
    });
    await expect(collected(stream)).rejects.toThrow('lost');
    expect(destroyed).toBe(1);
  });

  it('destroys the duplex when it is destroyed', async () => {
    let destroyed = 0;
    const stream = toNodeDuplex({
      readable$: NEVER,
      write: (_bytes, done) => done(),
      end: () => undefined,
      destroy: () => destroyed++,
    });
    stream.destroy();
    await settled();
    expect(destroyed).toBe(1);
  });

  it('destroys the duplex with the error that it is destroyed with', async () => {
    const told: unknown[] = [];
    const destroyedBy = (error?: Error): void => {
      const stream = toNodeDuplex({
        readable$: NEVER,
        write: (_bytes, done) => done(),
        end: () => undefined,
        destroy: (reason) => told.push(reason),
      });
      stream.on('error', () => undefined).destroy(error);
    };
    destroyedBy();
    destroyedBy(new Error('half a file'));
    await settled();
    expect(told).toEqual([
      undefined,
      expect.objectContaining({
        kind: 'connection-lost',
        message: 'connection lost: half a file',
      }),
    ]);
  });
});
