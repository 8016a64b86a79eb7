/** What every byte duplex does, whatever it runs over. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { firstValueFrom, scan, type Subscription, takeWhile } from 'rxjs';
import { isSshError } from '../../src/errors.ts';
import { holdCredit, keep, type Release } from '../../src/operators/credit.ts';
import type { ByteDuplex } from '../../src/streams/byte-duplex.ts';
import { concatBytes } from '../../src/wire/bytes.ts';
import { utf8 } from '../support/marbles.ts';

/** Two ends that talk to each other. */
export interface DuplexPair {
  readonly near: ByteDuplex;
  readonly far: ByteDuplex;
  /** Lets go of whatever else was opened for it. */
  close?(): void;
}

/** What a kind of duplex cannot do. */
export interface Lacks {
  /** One side cannot go on when the other has ended. */
  readonly halfClose?: boolean;
}

/** A reader that collects what it gets. */
class Collector {
  readonly chunks: Uint8Array[] = [];
  readonly subscription: Subscription;
  end: 'open' | 'complete' | 'connection-lost' | 'config' = 'open';
  #waiting: { readonly isMet: () => boolean; readonly resolve: () => void }[] = [];

  constructor(duplex: ByteDuplex, received: (chunk: Uint8Array) => void = () => undefined) {
    this.subscription = duplex.readable$.subscribe({
      next: (chunk) => {
        this.chunks.push(chunk.slice());
        received(chunk);
        this.#check();
      },
      error: (error: unknown) => {
        this.end = isSshError(error) ? (error.kind as 'connection-lost') : 'open';
        this.#check();
      },
      complete: () => {
        this.end = 'complete';
        this.#check();
      },
    });
  }

  get bytes(): Uint8Array {
    return concatBytes(this.chunks);
  }

  /** Resolves when so many bytes have come. */
  async received(length: number): Promise<void> {
    await this.#until(() => this.bytes.length >= length);
  }

  /** Resolves when the stream is at its end. */
  async ended(): Promise<string> {
    await this.#until(() => this.end !== 'open');
    return this.end;
  }

  async #until(isMet: () => boolean): Promise<void> {
    if (isMet()) return;
    await new Promise<void>((resolve) => this.#waiting.push({ isMet, resolve }));
  }

  #check(): void {
    const met = this.#waiting.filter(({ isMet }) => isMet());
    this.#waiting = this.#waiting.filter((each) => !met.includes(each));
    for (const { resolve } of met) resolve();
  }
}

/** Writes, and resolves when the duplex is done with it. */
function written(duplex: ByteDuplex, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => duplex.write(bytes, resolve));
}

/** Whatever is under way and needs no more than some turns of the event loop has happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8)) & 0xff);
}

/** Runs the contract over one kind of duplex. */
export function byteDuplexContract(
  name: string,
  open: () => Promise<DuplexPair>,
  lacks: Lacks = {},
): void {
  describe(`${name} as a byte duplex`, () => {
    let pair: DuplexPair;
    let near: ByteDuplex;
    let far: ByteDuplex;
    let readers: Collector[];
    const read = (duplex: ByteDuplex, received?: (chunk: Uint8Array) => void): Collector => {
      const reader = new Collector(duplex, received);
      readers.push(reader);
      return reader;
    };

    beforeEach(async () => {
      readers = [];
      pair = await open();
      near = pair.near;
      far = pair.far;
    });

    afterEach(async () => {
      for (const { subscription } of readers) subscription.unsubscribe();
      near.destroy();
      far.destroy();
      pair.close?.();
      await settled();
    });

    it('carries bytes both ways, in order', async () => {
      const atFar = read(far);
      const atNear = read(near);
      for (const word of ['to ', 'the ', 'far end']) near.write(utf8(word), () => undefined);
      for (const word of ['and ', 'back']) far.write(utf8(word), () => undefined);
      await Promise.all([atFar.received(14), atNear.received(8)]);
      expect(atFar.bytes).toEqual(utf8('to the far end'));
      expect(atNear.bytes).toEqual(utf8('and back'));
    });

    it('carries a lot', async () => {
      const atFar = read(far);
      const bytes = pattern(1_000_000);
      near.write(bytes, () => undefined);
      await atFar.received(bytes.length);
      expect(Buffer.compare(atFar.bytes, bytes)).toBe(0);
    });

    it('keeps bytes for a reader that comes late', async () => {
      near.write(utf8('early'), () => undefined);
      await settled();
      const atFar = read(far);
      await atFar.received(5);
      expect(atFar.bytes).toEqual(utf8('early'));
    });

    it('is done with each write once, in order, and has then no use for its bytes', async () => {
      const atFar = read(far);
      const order: number[] = [];
      const writes = [1, 2, 3].map(async (n) => {
        const bytes = utf8(String(n).repeat(1000));
        await written(near, bytes);
        bytes.fill(0);
        order.push(n);
      });
      await Promise.all(writes);
      await atFar.received(3000);
      await settled();
      expect(order).toEqual([1, 2, 3]);
      expect(atFar.bytes).toEqual(utf8('1'.repeat(1000) + '2'.repeat(1000) + '3'.repeat(1000)));
    });

    it('is done with a write of nothing', async () => {
      read(far);
      await written(near, new Uint8Array(0));
      near.write(utf8('x'), () => undefined);
      await readers[0]?.received(1);
      expect(readers[0]?.bytes).toEqual(utf8('x'));
    });

    it('ends each side on its own, behind what was written', async () => {
      const atFar = read(far);
      const atNear = read(near);
      near.write(utf8('last words'), () => undefined);
      near.end();
      expect(await atFar.ended()).toBe('complete');
      expect(atFar.bytes).toEqual(utf8('last words'));
      if (lacks.halfClose === true) {
        expect(await atNear.ended()).toBe('complete');
        return;
      }
      far.write(utf8('answer'), () => undefined);
      far.end();
      expect(await atNear.ended()).toBe('complete');
      expect(atNear.bytes).toEqual(utf8('answer'));
    });

    it('completes for a reader that comes after the end', async () => {
      near.end();
      await settled();
      expect(await read(far).ended()).toBe('complete');
    });

    it('refuses a second reader while there is a first', async () => {
      const first = read(far);
      expect(await read(far).ended()).toBe('config');
      near.write(utf8('x'), () => undefined);
      await first.received(1);
    });

    it('goes on where it was for the next reader when one has left', async () => {
      const first = read(far, () => first.subscription.unsubscribe());
      near.write(utf8('one'), () => undefined);
      await first.received(3);
      near.write(utf8('two'), () => undefined);
      await settled();
      const second = read(far);
      await second.received(3);
      expect([first.bytes, second.bytes]).toEqual([utf8('one'), utf8('two')]);
    });

    it('delivers nothing more while credit is held, and goes on when it returns', async () => {
      const releases: Release[] = [];
      const atFar = read(far, () => releases.push(holdCredit()));
      const bytes = pattern(300_000);
      for (let at = 0; at < bytes.length; at += 10_000)
        near.write(bytes.slice(at, at + 10_000), () => undefined);
      await atFar.received(1);
      await settled();
      const before = atFar.bytes.length;
      await settled();
      expect(atFar.bytes.length).toBe(before);
      expect(before).toBeLessThan(bytes.length);
      while (atFar.bytes.length < bytes.length) {
        for (const release of releases.splice(0)) release();
        await settled();
      }
      expect(Buffer.compare(atFar.bytes, bytes)).toBe(0);
    });

    it('lets a chunk be kept with its credit, as keep returns it', async () => {
      const kept: Uint8Array[] = [];
      const releases: Release[] = [];
      read(far, (chunk) => {
        kept.push(keep(chunk));
        releases.push(holdCredit());
      });
      near.write(utf8('first'), () => undefined);
      await readers[0]?.received(5);
      releases.splice(0).forEach((release) => release());
      near.write(utf8('other'), () => undefined);
      await readers[0]?.received(10);
      releases.splice(0).forEach((release) => release());
      await settled();
      expect(concatBytes(kept)).toEqual(utf8('firstother'));
    });

    it('takes a release for a reader that has left', async () => {
      const releases: Release[] = [];
      const first = read(far, () => releases.push(holdCredit()));
      near.write(utf8('one'), () => undefined);
      await first.received(3);
      first.subscription.unsubscribe();
      for (const release of releases) release();
      near.write(utf8('two'), () => undefined);
      const second = read(far);
      await second.received(3);
      expect(second.bytes).toEqual(utf8('two'));
    });

    it('destroyed, errors with connection-lost here and ends there', async () => {
      const atNear = read(near);
      const atFar = read(far);
      near.destroy();
      expect(await atNear.ended()).toBe('connection-lost');
      expect(['complete', 'connection-lost']).toContain(await atFar.ended());
    });

    it('destroyed, errors for a reader that comes later', async () => {
      near.destroy();
      await settled();
      expect(await read(near).ended()).toBe('connection-lost');
    });

    it('destroyed inside a delivery, delivers nothing more', async () => {
      const atFar = read(far, () => far.destroy());
      for (const word of ['a', 'b', 'c']) near.write(utf8(word.repeat(9)), () => undefined);
      await atFar.ended();
      expect(atFar.chunks.length).toBe(1);
      expect(atFar.end).toBe('connection-lost');
    });

    it('destroyed, is done with writes that wait and with later ones, each once', async () => {
      let done = 0;
      // nobody reads: what no buffer takes waits
      for (let i = 0; i < 200; i++) near.write(new Uint8Array(100_000), () => done++);
      await settled();
      near.destroy();
      await settled();
      expect(done).toBe(200);
      await written(near, utf8('late'));
    });

    it('is done with writes that wait when the other end is destroyed', async () => {
      let done = 0;
      read(near);
      for (let i = 0; i < 200; i++) near.write(new Uint8Array(100_000), () => done++);
      await settled();
      far.destroy();
      await readers[0]?.ended();
      near.destroy();
      await settled();
      expect(done).toBe(200);
    });

    it('is done with writes behind its end, which go nowhere', async () => {
      const atFar = read(far);
      near.end();
      await written(near, utf8('too late'));
      expect(await atFar.ended()).toBe('complete');
      expect(atFar.bytes.length).toBe(0);
    });

    it('may be ended and destroyed twice, in any order', async () => {
      near.end();
      near.end();
      near.destroy();
      near.destroy();
      near.end();
      expect(await read(near).ended()).toBe('connection-lost');
    });

    it('is cold: each subscription to readable$ is one reader, and nothing is lost in between', async () => {
      const bytes = pattern(5000);
      for (let at = 0; at < bytes.length; at += 50)
        near.write(bytes.slice(at, at + 50), () => undefined);
      let got: readonly number[] = [];
      while (got.length < bytes.length) {
        const chunk = await firstValueFrom(
          far.readable$.pipe(
            scan((all, each) => [...all, ...each], [] as number[]),
            takeWhile((all) => all.length < 100, true),
          ),
        );
        got = [...got, ...chunk];
      }
      expect(Uint8Array.from(got)).toEqual(bytes);
    });
  });
}
