import { describe, expect, it } from '@jest/globals';
import {
  concat,
  NEVER,
  Observable,
  of,
  retry,
  Subject,
  throwError,
  VirtualTimeScheduler,
} from 'rxjs';
import { isSshError, SshError } from '../../src/errors.ts';
import { broadcast, type BroadcastPort } from '../../src/fleet/broadcast.ts';
import { holdCredit, type Release } from '../../src/operators/credit.ts';
import { fromPull } from '../../src/operators/from-pull.ts';

const KIB = 1024;

/** A receiver that keeps the credit of what it has until it is told. */
class Receiver {
  bytes = 0;
  end: string | undefined;
  readonly #held: Release[] = [];
  readonly subscription;

  constructor({ bytes$ }: BroadcastPort) {
    this.subscription = bytes$.subscribe({
      next: (chunk) => {
        this.bytes += chunk.length;
        this.#held.push(holdCredit());
      },
      error: (error: unknown) => (this.end = isSshError(error) ? error.kind : String(error)),
      complete: () => (this.end = 'complete'),
    });
  }

  /** Takes a number of pieces. */
  take(pieces: number): void {
    for (let count = 0; count < pieces; count++) this.#held.shift()?.();
  }
}

/** Chunks of 32 KiB that are made when they are asked for; tells how many were. */
function source(chunks: number): {
  readonly input: Iterable<Uint8Array>;
  readonly made: () => number;
} {
  let made = 0;
  function* make(): Generator<Uint8Array> {
    while (made < chunks) {
      made++;
      yield new Uint8Array(32 * KIB).fill(made);
    }
  }
  return { input: make(), made: () => made };
}

describe('broadcast', () => {
  it('subscribes its source once, with the first receiver', () => {
    let subscriptions = 0;
    const all = broadcast(
      new Observable<Uint8Array>((subscriber) => {
        subscriptions++;
        subscriber.next(new Uint8Array(3));
        subscriber.complete();
      }),
    );
    const ports = [all.port(), all.port()] as const;
    expect(subscriptions).toBe(0);
    const receivers = ports.map((port) => new Receiver(port));
    for (const receiver of receivers) receiver.take(1);
    expect(subscriptions).toBe(1);
    expect(receivers.map(({ bytes, end }) => ({ bytes, end }))).toEqual([
      { bytes: 3, end: 'complete' },
      { bytes: 3, end: 'complete' },
    ]);
  });

  it('gives a receiver that comes late all bytes from the start', () => {
    const all = broadcast('input for all');
    const first = new Receiver(all.port());
    first.take(1);
    const second = new Receiver(all.port());
    second.take(1);
    expect([first.bytes, second.bytes]).toEqual([13, 13]);
    expect(second.end).toBe('complete');
  });

  it('gives each receiver one piece at a time', () => {
    const { input } = source(4);
    const receiver = new Receiver(broadcast(input).port());
    expect(receiver.bytes).toBe(32 * KIB);
    receiver.take(1);
    expect(receiver.bytes).toBe(64 * KIB);
    receiver.subscription.unsubscribe();
  });

  it('is read at the pace of the slowest receiver once its memory is full', () => {
    const { input, made } = source(100);
    const all = broadcast(input, { memory: 4 * 32 * KIB });
    const [fast, slow] = [new Receiver(all.port()), new Receiver(all.port())];
    // four fit, and the credit of the fifth is held
    expect(made()).toBe(5);
    for (let i = 0; i < 20; i++) fast.take(1);
    expect(made()).toBe(5);
    expect(fast.bytes).toBe(5 * 32 * KIB);
    slow.take(1);
    expect(made()).toBe(6);
    slow.take(3);
    expect(made()).toBe(9);
    all.close();
  });

  it('does not wait for a receiver that unsubscribes, nor for one that never came and is said to be gone', () => {
    const { input, made } = source(100);
    const all = broadcast(input, { memory: 2 * 32 * KIB });
    const never = all.port();
    const [fast, slow] = [new Receiver(all.port()), new Receiver(all.port())];
    fast.take(10);
    fast.take(10);
    expect(made()).toBe(3);
    slow.subscription.unsubscribe();
    expect(made()).toBe(3);
    never.leave();
    expect(made()).toBeGreaterThan(3);
    all.close();
  });

  it('drops a receiver that stands still while others wait, with a typed error', () => {
    const scheduler = new VirtualTimeScheduler();
    const { input } = source(6);
    const all = broadcast(input, { memory: 2 * 32 * KIB, stallTimeout: 1000, scheduler });
    const [fast, stalled] = [new Receiver(all.port()), new Receiver(all.port())];
    for (let i = 0; i < 3; i++) fast.take(1);
    expect(stalled.end).toBeUndefined();
    scheduler.flush();
    expect(stalled.end).toBe('timeout');
    for (let i = 0; i < 10; i++) fast.take(1);
    expect(fast.bytes).toBe(6 * 32 * KIB);
    expect(fast.end).toBe('complete');
    expect(scheduler.frame).toBe(1000);
  });

  it('drops a receiver that was announced and never comes', () => {
    const scheduler = new VirtualTimeScheduler();
    const { input } = source(6);
    const all = broadcast(input, { memory: 2 * 32 * KIB, stallTimeout: 1000, scheduler });
    const late = all.port();
    const fast = new Receiver(all.port());
    for (let i = 0; i < 3; i++) fast.take(1);
    scheduler.flush();
    expect(new Receiver(late).end).toBe('timeout');
    for (let i = 0; i < 10; i++) fast.take(1);
    expect(fast.end).toBe('complete');
  });

  it('drops nobody when all stand still: nobody waits for another', () => {
    const scheduler = new VirtualTimeScheduler();
    scheduler.maxFrames = 100_000;
    const { input } = source(6);
    const all = broadcast(input, { memory: 2 * 32 * KIB, stallTimeout: 1000, scheduler });
    const [a, b] = [new Receiver(all.port()), new Receiver(all.port())];
    scheduler.flush();
    expect([a.end, b.end]).toEqual([undefined, undefined]);
    all.close();
  });

  it('refuses a receiver that comes when the start is not kept any more', () => {
    const { input } = source(6);
    const all = broadcast(input, { memory: 2 * 32 * KIB });
    const first = new Receiver(all.port());
    for (let i = 0; i < 10; i++) first.take(1);
    expect(first.end).toBe('complete');
    expect(new Receiver(all.port()).end).toBe('overflow');
  });

  it('tells an error of the source behind the bytes before it', () => {
    const failure = new SshError('connection-lost', 'gone', {});
    const all = broadcast(
      concat(
        fromPull([new Uint8Array(5)]),
        throwError(() => failure),
      ),
    );
    const receiver = new Receiver(all.port());
    expect(receiver.end).toBeUndefined();
    receiver.take(1);
    expect([receiver.bytes, receiver.end]).toEqual([5, 'connection-lost']);
  });

  it('errors with `overflow` when a source without credit gives more than is kept', () => {
    const hot = new Subject<Uint8Array>();
    const receiver = new Receiver(broadcast(hot, { memory: 10 }).port());
    hot.next(new Uint8Array(8));
    hot.next(new Uint8Array(8));
    expect(hot.observed).toBe(false);
    receiver.take(1);
    receiver.take(1);
    expect([receiver.bytes, receiver.end]).toEqual([16, 'overflow']);
  });

  it('takes no more of a synchronous source once that has given too much', () => {
    const receiver = new Receiver(
      broadcast(of(new Uint8Array(8), new Uint8Array(8), new Uint8Array(8)), { memory: 10 }).port(),
    );
    receiver.take(3);
    receiver.take(3);
    expect([receiver.bytes, receiver.end]).toEqual([16, 'overflow']);
  });

  it('takes one subscriber a port at a time', () => {
    const port = broadcast(NEVER).port();
    const first = new Receiver(port);
    expect(new Receiver(port).end).toBe('config');
    expect(first.end).toBeUndefined();
  });

  it('begins at the start again for a port that is subscribed anew', () => {
    const all = broadcast(of(new Uint8Array(4)));
    const port = all.port();
    new Receiver(port).subscription.unsubscribe();
    const again = new Receiver(port);
    again.take(1);
    expect([again.bytes, again.end]).toEqual([4, 'complete']);
  });

  it('tells a receiver again that subscribes anew at the end it was told', () => {
    const source = new Subject<Uint8Array>();
    const { bytes$ } = broadcast(source).port();
    const again = new Receiver({ bytes$: bytes$.pipe(retry(1)), leave: () => undefined });
    source.error(new SshError('connection-lost', 'the cable', {}));
    expect(again.end).toBe('connection-lost');
  });

  it('lets its source go when it is closed', () => {
    const hot = new Subject<Uint8Array>();
    const all = broadcast(hot);
    const receiver = new Receiver(all.port());
    all.close();
    expect(hot.observed).toBe(false);
    expect(receiver.end).toBeUndefined();
  });
});
