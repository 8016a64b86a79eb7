import { afterEach, describe, expect, it } from '@jest/globals';
import { Observable, of, type Subscription } from 'rxjs';
import { isSshError, SshError } from '../../src/errors.ts';
import { splice } from '../../src/forwarding/splice.ts';
import { holdCredit, type Release } from '../../src/operators/credit.ts';
import type { ByteDuplex } from '../../src/streams/byte-duplex.ts';
import { memoryPair } from '../../src/streams/memory-pair.ts';
import { concatBytes, utf8Bytes, utf8Text } from '../../src/wire/bytes.ts';

let open: Subscription[] = [];

afterEach(() => {
  for (const subscription of open) subscription.unsubscribe();
  open = [];
});

/** Somebody at one end, who collects what comes. */
class Caller {
  readonly duplex: ByteDuplex;
  readonly chunks: Uint8Array[] = [];
  readonly releases: Release[] = [];
  end: 'open' | 'complete' | 'error' = 'open';
  #changed: (() => void) | undefined;

  constructor(duplex: ByteDuplex, holds = false) {
    this.duplex = duplex;
    open.push(
      duplex.readable$.subscribe({
        next: (chunk) => {
          this.chunks.push(chunk.slice());
          if (holds) this.releases.push(holdCredit());
          this.#changed?.();
        },
        complete: () => this.#ended('complete'),
        error: () => this.#ended('error'),
      }),
    );
  }

  get text(): string {
    return utf8Text(concatBytes(this.chunks));
  }

  get length(): number {
    return concatBytes(this.chunks).length;
  }

  say(text: string): void {
    this.duplex.write(utf8Bytes(text), () => undefined);
  }

  async until(isMet: () => boolean): Promise<void> {
    while (!isMet()) await new Promise<void>((resolve) => (this.#changed = resolve));
  }

  #ended(end: 'complete' | 'error'): void {
    this.end = end;
    this.#changed?.();
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Two callers with a splice between them. */
function spliced(options: { credit?: number; chunk?: number; holds?: boolean } = {}) {
  const [a, near] = memoryPair(options);
  const [far, b] = memoryPair(options);
  const counts = { sent: 0, received: 0 };
  const ended = new Promise<unknown>((resolve) => {
    open.push(
      splice(near, far, {
        sent: (bytes) => (counts.sent += bytes),
        received: (bytes) => (counts.received += bytes),
      }).subscribe({ complete: () => resolve('complete'), error: resolve }),
    );
  });
  return { left: new Caller(a), right: new Caller(b, options.holds), near, far, counts, ended };
}

describe('splice', () => {
  it.each([1, 7, undefined])(
    'carries bytes both ways, in chunks of %s, and counts them',
    async (chunk) => {
      const { left, right, counts, ended } = spliced(chunk === undefined ? {} : { chunk });
      left.say('hello');
      right.say('hello yourself');
      await left.until(() => left.text === 'hello yourself');
      await right.until(() => right.text === 'hello');
      left.duplex.end();
      right.duplex.end();
      expect(await ended).toBe('complete');
      expect(counts).toEqual({ sent: 5, received: 14 });
    },
  );

  it.each(['left', 'right'] as const)(
    'goes on one way when the %s side has ended',
    async (first) => {
      const both = spliced();
      const one = both[first];
      const other = both[first === 'left' ? 'right' : 'left'];
      one.say('question');
      one.duplex.end();
      await other.until(() => other.end === 'complete');
      expect(other.text).toBe('question');
      other.say('a long ');
      other.say('answer');
      other.duplex.end();
      await one.until(() => one.end === 'complete');
      expect(one.text).toBe('a long answer');
      expect(await both.ended).toBe('complete');
    },
  );

  it('stops reading while the other side takes nothing', async () => {
    const credit = 10_000;
    const { left, right } = spliced({ credit, holds: true });
    let done = 0;
    for (let i = 0; i < 100; i++) left.duplex.write(new Uint8Array(1_000), () => done++);
    await settled();
    expect(right.length).toBe(1_000);
    // a wire each way, and the chunk between them
    expect(done).toBeLessThanOrEqual(22);
    while (right.length < 100_000) {
      for (const release of right.releases.splice(0)) release();
      await settled();
    }
    expect(done).toBe(100);
  });

  it('offers first, writes what was not taken, and gives back what was', async () => {
    const given: string[] = [];
    const taken: string[] = [];
    let sent = 0;
    const [idle] = memoryPair();
    const [, quiet] = memoryPair();
    const near: ByteDuplex = {
      ...wrapped(idle),
      readable$: new Observable<Uint8Array>((reader) => {
        for (const text of ['whole', 'in parts', 'not']) reader.next(utf8Bytes(text));
        reader.complete();
      }),
      giveBack: (chunk) => given.push(utf8Text(chunk)),
    };
    const far: ByteDuplex = {
      ...wrapped(quiet),
      offer: (bytes) => {
        const offered = Math.min(bytes.length, 5);
        taken.push(`offered ${utf8Text(bytes.subarray(0, offered))}`);
        return offered;
      },
      write: (bytes, done) => {
        taken.push(`written ${utf8Text(bytes)}`);
        queueMicrotask(done);
      },
    };
    open.push(splice(near, far, { sent: (bytes) => (sent += bytes) }).subscribe());
    await settled();
    // nothing overtakes what is being written
    expect(taken).toEqual(['offered whole', 'offered in pa', 'written rts', 'written not']);
    expect(given).toEqual(['whole', 'in parts', 'not']);
    expect(sent).toBe(16);
  });

  it('lets both go when one is cut, with its error', async () => {
    const { left, right, ended } = spliced();
    left.say('half');
    await right.until(() => right.text === 'half');
    left.duplex.destroy();
    expect(isSshError(await ended, 'connection-lost')).toBe(true);
    await right.until(() => right.end !== 'open');
    expect(right.end).toBe('error');
  });

  it('has an error wait behind the bytes before it', async () => {
    const [far, b] = memoryPair({ credit: 10 });
    const right = new Caller(b, true);
    const error = new SshError('connection-lost', 'gone', {});
    const [, idle] = memoryPair();
    const near: ByteDuplex = {
      ...wrapped(idle),
      readable$: new Observable<Uint8Array>((reader) => {
        for (let i = 0; i < 10; i++) reader.next(utf8Bytes('0123456789'));
        reader.error(error);
      }),
    };
    let seen: unknown;
    open.push(splice(near, far).subscribe({ error: (thrown: unknown) => (seen = thrown) }));
    await settled();
    expect(seen).toBeUndefined();
    while (seen === undefined) {
      for (const release of right.releases.splice(0)) release();
      await settled();
    }
    expect(seen).toBe(error);
  });

  it('ends when a side has closed and what it sent was taken', async () => {
    const [a, near] = memoryPair();
    const [far, b] = memoryPair();
    const left = new Caller(a);
    const ended = new Promise((resolve) => {
      open.push(
        splice(near, { ...wrapped(far), closed$: of(undefined) }).subscribe({
          complete: () => resolve('complete'),
          error: resolve,
        }),
      );
    });
    left.say('nobody takes this');
    b.write(utf8Bytes('last words'), () => undefined);
    b.end();
    expect(await ended).toBe('complete');
    expect(left.text).toBe('last words');
  });

  it('tells why a side has closed when nothing else does', async () => {
    const [, near] = memoryPair();
    const [far, b] = memoryPair();
    const error = new SshError('connection-lost', 'reset', {});
    b.end();
    const ended = new Promise((resolve) => {
      open.push(
        splice(near, { ...wrapped(far), closed$: of(error) }).subscribe({ error: resolve }),
      );
    });
    expect(await ended).toBe(error);
  });

  it('reads nothing before it is subscribed to, and destroys both when it is unsubscribed', async () => {
    const { left, right, near, far } = (() => {
      const [a, near] = memoryPair();
      const [far, b] = memoryPair();
      return { left: new Caller(a), right: new Caller(b), near, far };
    })();
    const splice$ = splice(near, far);
    left.say('early');
    await settled();
    expect(right.text).toBe('');
    const subscription = splice$.subscribe();
    await right.until(() => right.text === 'early');
    subscription.unsubscribe();
    await settled();
    expect([left.end, right.end]).toEqual(['error', 'error']);
  });
});

function wrapped(duplex: ByteDuplex): ByteDuplex {
  return {
    readable$: duplex.readable$,
    write: (bytes, done) => duplex.write(bytes, done),
    end: () => duplex.end(),
    destroy: () => duplex.destroy(),
  };
}
