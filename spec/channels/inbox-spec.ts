import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Observable, VirtualTimeScheduler } from 'rxjs';
import type { ChannelOutput } from '../../src/channels/backlog.ts';
import { Inbox, type InboxOptions } from '../../src/channels/inbox.ts';
import { connectionLost } from '../../src/streams/ending.ts';
import { holdCredit, type Release } from '../../src/operators/credit.ts';
import { RunQueue } from '../../src/operators/run-queue.ts';
import { concatBytes } from '../../src/wire/bytes.ts';
import { comparable } from '../support/marbles.ts';

let consumed: number;
let clock: VirtualTimeScheduler;

beforeEach(() => {
  consumed = 0;
  clock = new VirtualTimeScheduler();
});

function inbox(options: Partial<InboxOptions> = {}): Inbox {
  const queue = new RunQueue();
  return new Inbox({
    budget: 64 * 1024,
    unclaimedStderr: 'discard',
    scheduler: clock,
    consumed: (length) => (consumed += length),
    run: (task) => queue.run(task),
    ...options,
  });
}

/** Subscribes, and notes what comes. */
function record(source: Observable<Uint8Array | ChannelOutput>): {
  readonly seen: unknown[];
  leave(): void;
} {
  const seen: unknown[] = [];
  const subscription = source.subscribe({
    next: (value) =>
      seen.push(value instanceof Uint8Array ? text(value) : `${value.type} ${text(value.data)}`),
    error: (error: unknown) => seen.push(comparable(error)),
    complete: () => seen.push('complete'),
  });
  return { seen, leave: () => subscription.unsubscribe() };
}

function text(data: Uint8Array): string {
  return Buffer.from(data).toString('latin1');
}

function bytes(content: string): Uint8Array {
  return Uint8Array.from(Buffer.from(content, 'latin1'));
}

describe('data that nobody has claimed', () => {
  it('waits for its first subscriber, and is not consumed', () => {
    const box = inbox();
    box.push('stdout', bytes('a'));
    box.push('stdout', bytes('b'));
    box.end();
    expect(consumed).toBe(0);
    expect(record(box.stdout$).seen.join('')).toBe('abcomplete');
    expect(consumed).toBe(2);
  });

  it('of the other stream goes on waiting', () => {
    const box = inbox({ unclaimedStderr: 'hold' });
    box.push('stdout', bytes('a'));
    box.push('stderr', bytes('b'));
    box.push('stdout', bytes('c'));
    expect(record(box.stdout$).seen.join('')).toBe('ac');
    expect(record(box.stderr$).seen).toEqual(['b']);
  });

  it('is handed to output$ in the order of arrival', () => {
    const box = inbox();
    box.push('stdout', bytes('a'));
    box.push('stderr', bytes('b'));
    box.push('stdout', bytes('c'));
    box.end();
    expect(record(box.output$).seen).toEqual(['stdout a', 'stderr b', 'stdout c', 'complete']);
  });

  it('on stderr is dropped when the turn in which stdout was claimed has ended', () => {
    const box = inbox();
    box.push('stderr', bytes('before'));
    record(box.stdout$);
    box.push('stderr', bytes('within'));
    expect(consumed).toBe(0);
    clock.flush();
    expect(consumed).toBe('beforewithin'.length);
    box.push('stderr', bytes('behind'));
    expect(consumed).toBe('beforewithinbehind'.length);
  });

  it('on stderr waits for whoever claims it within that turn', () => {
    const box = inbox();
    box.push('stderr', bytes('a'));
    record(box.stdout$);
    const { seen } = record(box.stderr$);
    clock.flush();
    box.push('stderr', bytes('b'));
    expect(seen).toEqual(['a', 'b']);
  });

  it('on stderr waits as long as it takes where that was asked for', () => {
    const box = inbox({ unclaimedStderr: 'hold' });
    box.push('stderr', bytes('a'));
    record(box.stdout$);
    clock.flush();
    box.push('stderr', bytes('b'));
    expect(consumed).toBe(0);
    expect(record(box.stderr$).seen.join('')).toBe('ab');
  });

  it('is dropped when nobody wants the channel', () => {
    const box = inbox();
    box.push('stdout', bytes('abc'));
    box.push('stderr', bytes('d'));
    box.discard();
    expect(consumed).toBe(4);
    box.push('stdout', bytes('ef'));
    expect(consumed).toBe(6);
  });
});

describe('a subscriber', () => {
  it.each([
    ['stdout$', 'stdout$'],
    ['stderr$', 'stderr$'],
    ['output$', 'output$'],
    ['output$', 'stdout$'],
    ['stdout$', 'output$'],
    ['output$', 'stderr$'],
    ['stderr$', 'output$'],
  ] as const)('of %s leaves none of %s for a second one', (first, second) => {
    const box = inbox();
    const one = record(box[first]);
    expect(record(box[second]).seen).toEqual(['SshError config']);
    // and is not disturbed
    box.push(first === 'stderr$' ? 'stderr' : 'stdout', bytes('a'));
    expect(one.seen.join('')).toContain('a');
  });

  it('that leaves lets what comes through', () => {
    const box = inbox();
    const { seen, leave } = record(box.stdout$);
    box.push('stdout', bytes('a'));
    leave();
    box.push('stdout', bytes('bc'));
    expect(seen).toEqual(['a']);
    expect(consumed).toBe(3);
    expect(record(box.stdout$).seen).toEqual(['SshError config']);
  });

  it('gets no more than the budget before it has acknowledged', () => {
    const box = inbox({ budget: 1000 });
    const releases: Release[] = [];
    const lengths: number[] = [];
    box.stdout$.subscribe((data) => {
      lengths.push(data.length);
      releases.push(holdCredit());
    });
    for (let piece = 0; piece < 10; piece++) box.push('stdout', new Uint8Array(400));
    expect(lengths).toEqual([400, 400, 400]);
    expect(consumed).toBe(0);
    for (let release = releases.shift(); release !== undefined; release = releases.shift())
      release();
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(4000);
    expect(consumed).toBe(4000);
  });

  it('gives back what it holds when it leaves, and what it was not given', () => {
    const box = inbox({ budget: 1 });
    let release: Release = () => undefined;
    const subscription = box.stdout$.subscribe(() => (release = holdCredit()));
    box.push('stdout', new Uint8Array(2000));
    box.push('stdout', new Uint8Array(3000));
    subscription.unsubscribe();
    expect(consumed).toBe(3000);
    release();
    expect(consumed).toBe(5000);
  });

  it('gets the end behind the data', () => {
    const box = inbox({ budget: 1 });
    const releases: Release[] = [];
    const seen: unknown[] = [];
    box.stdout$.subscribe({
      next: (data) => {
        seen.push(text(data));
        releases.push(holdCredit());
      },
      error: (error: unknown) => seen.push(comparable(error)),
    });
    box.push('stdout', bytes('a'));
    box.push('stdout', bytes('b'));
    box.end(connectionLost());
    expect(seen).toEqual(['a']);
    releases.shift()?.();
    expect(seen).toEqual(['a', 'b', 'SshError connection-lost']);
  });

  it('that comes after the end gets the data and the error', () => {
    const box = inbox();
    box.push('stdout', bytes('a'));
    box.end(connectionLost());
    expect(record(box.stdout$).seen).toEqual(['a', 'SshError connection-lost']);
    expect(record(box.stderr$).seen).toEqual(['SshError connection-lost']);
  });

  it('gets the first end', () => {
    const box = inbox();
    const { seen } = record(box.stdout$);
    box.end();
    box.end(connectionLost());
    expect(seen).toEqual(['complete']);
  });
});

describe('small pieces', () => {
  /** Pushes pieces while the subscriber holds the first one; gives what came. */
  function throughBacklog(pieces: readonly ChannelOutput[]): ChannelOutput[] {
    const box = inbox({ budget: 1 });
    const seen: ChannelOutput[] = [];
    const releases: Release[] = [];
    box.output$.subscribe((output) => {
      seen.push(output);
      releases.push(holdCredit());
    });
    for (const piece of pieces) box.push(piece.type, piece.data.slice());
    for (let release = releases.shift(); release !== undefined; release = releases.shift())
      release();
    return seen;
  }

  it('are gathered while they wait', () => {
    const pieces = Array.from({ length: 10_000 }, (_, at) => ({
      type: 'stdout' as const,
      data: Uint8Array.of(at & 0xff),
    }));
    const seen = throughBacklog(pieces);
    expect(seen.length).toBeLessThan(10);
    expect(concatBytes(seen.map(({ data }) => data))).toEqual(
      concatBytes(pieces.map(({ data }) => data)),
    );
  });

  it('of nothing are dropped: no window bounds how many there are', () => {
    const seen = throughBacklog([
      { type: 'stdout', data: bytes('a') },
      { type: 'stdout', data: bytes('') },
      { type: 'stderr', data: bytes('') },
    ]);
    expect(seen).toHaveLength(1);
  });

  it('keep their order and their stream, and own their memory', () => {
    const output = fc.record({
      type: fc.constantFrom('stdout' as const, 'stderr' as const),
      data: fc.oneof(
        fc.uint8Array({ maxLength: 3 }),
        fc.uint8Array({ minLength: 1000, maxLength: 1100 }),
      ),
    });
    fc.assert(
      fc.property(fc.array(output, { maxLength: 60 }), (pieces) => {
        const seen = throughBacklog(pieces);
        const unfold = (outputs: readonly ChannelOutput[]): string[] =>
          outputs.flatMap(({ type, data }) =>
            Array.from(data, (byte) => `${type} ${String(byte)}`),
          );
        expect(unfold(seen)).toEqual(unfold(pieces));
        // writing to one does not change another
        const copies = seen.map(({ data }) => data.slice());
        seen.forEach(({ data }, at) => {
          data.fill(0xff);
          for (const [other, copy] of copies.entries())
            if (other > at) expect(seen[other]?.data).toEqual(copy);
        });
      }),
      { numRuns: 50 },
    );
  });

  it('of two streams in turn do not take a hundred times their size', () => {
    const box = inbox();
    const before = process.memoryUsage();
    const used = ({ heapUsed, arrayBuffers }: NodeJS.MemoryUsage): number =>
      heapUsed + arrayBuffers;
    // two of each: the worst for blocks that hold one stream
    for (let at = 0; at < 200_000; at++)
      box.push((at & 2) === 0 ? 'stdout' : 'stderr', Uint8Array.of(at));
    expect(used(process.memoryUsage()) - used(before)).toBeLessThan(100 * 1024 * 1024);
    let count = 0;
    box.output$.subscribe(({ data }) => (count += data.length));
    expect(count).toBe(200_000);
  });

  it('count for more than their bytes, so that a slow subscriber gets few of them at a time', () => {
    const box = inbox({ budget: 64 * 1024 });
    let deliveries = 0;
    box.stdout$.subscribe(() => {
      deliveries++;
      holdCredit();
    });
    for (let at = 0; at < 60_000; at++) box.push('stdout', Uint8Array.of(at));
    expect(deliveries).toBeLessThanOrEqual(256);
  });
});
