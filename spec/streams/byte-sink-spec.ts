import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  concat,
  EMPTY,
  from,
  NEVER,
  type Observable,
  of,
  range,
  ReplaySubject,
  Subject,
  take,
  throwError,
} from 'rxjs';
import { map } from 'rxjs';
import { SshError } from '../../src/errors.ts';
import { deliver, holdCredit, isDelivering, type Release } from '../../src/operators/credit.ts';
import type { ByteInput } from '../../src/operators/to-byte-stream.ts';
import { byteSink, type PumpOptions, type SinkTarget } from '../../src/streams/byte-sink.ts';
import { concatBytes } from '../../src/wire/bytes.ts';
import { comparable, marbles, ofKind, utf8 } from '../support/marbles.ts';
import { count, Sender } from '../support/sender.ts';

const LOST = new SshError('connection-lost', 'connection lost: cut', {});

/** A target with a window, which takes at most `packet` bytes at a time. */
class Window implements SinkTarget {
  readonly taken: Uint8Array[] = [];
  readonly calls: string[] = [];
  accepts = 0;
  window: number;
  readonly #packet: number;
  readonly #closed = new ReplaySubject<SshError>(1);
  readonly closed$: Observable<SshError> = this.#closed;
  #waiting: (() => void)[] = [];

  constructor(window = Number.POSITIVE_INFINITY, packet = Number.POSITIVE_INFINITY) {
    this.window = window;
    this.#packet = packet;
  }

  get bytes(): Uint8Array {
    return concatBytes(this.taken);
  }

  accept(bytes: Uint8Array): number {
    this.accepts++;
    const length = Math.min(bytes.length, this.window, this.#packet);
    this.window -= length;
    if (length > 0) this.taken.push(bytes.slice(0, length));
    return length;
  }

  whenReady(resume: () => void): void {
    this.#waiting.push(resume);
  }

  end(): void {
    this.calls.push('end');
  }

  abort(error: unknown): void {
    this.calls.push(`abort ${String(error)}`);
  }

  adjust(more: number): void {
    this.window += more;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  close(error: SshError): void {
    this.#closed.next(error);
  }
}

/** What a pump into this target tells. */
function pumped(
  target: SinkTarget,
  source: ByteInput,
  options?: PumpOptions,
): { seen: unknown[]; unsubscribe(): void } {
  const seen: unknown[] = [];
  const subscription = byteSink(target)
    .pump(source, options)
    .subscribe({
      next: (total) => seen.push(total),
      error: (error: unknown) => seen.push(comparable(error)),
      complete: () => seen.push('complete'),
    });
  return { seen, unsubscribe: () => subscription.unsubscribe() };
}

describe('pump', () => {
  it('passes on empty, never and error', () => {
    marbles(({ cold, expectObservable }) => {
      const sink = byteSink(new Window());
      expectObservable(sink.pump(cold('--|'))).toBe('--(0|)', { 0: 0 });
      expectObservable(sink.pump(cold('---'))).toBe('---');
      expectObservable(sink.pump(cold('--#'))).toBe('--#');
    });
  });

  it('emits what was accepted so far, ends and completes', () => {
    const target = new Window();
    const { seen } = pumped(target, ['ab', 'c', utf8('def')]);
    expect(seen).toEqual([2, 3, 6, 'complete']);
    expect(target.bytes).toEqual(utf8('abcdef'));
    expect(target.calls).toEqual(['end']);
  });

  it('is cold, and takes a source anew at each subscription', () => {
    const target = new Window();
    const sent$ = byteSink(target).pump('ab');
    expect(target.accepts).toBe(0);
    sent$.subscribe();
    sent$.subscribe();
    expect(target.bytes).toEqual(utf8('abab'));
  });

  it('says no end when told not to', () => {
    const target = new Window();
    expect(pumped(target, 'ab', { end: false }).seen).toEqual([2, 'complete']);
    expect(target.calls).toEqual([]);
  });

  it('waits for the window, and ends only behind the last byte', () => {
    const target = new Window(4, 3);
    const { seen } = pumped(target, ['abc', 'def']);
    expect(seen).toEqual([3, 4]);
    target.adjust(1);
    expect(seen).toEqual([3, 4, 5]);
    expect(target.calls).toEqual([]);
    target.adjust(100);
    expect(seen).toEqual([3, 4, 5, 6, 'complete']);
    expect(target.calls).toEqual(['end']);
  });

  it('asks the target once for each packet, and once to learn that it must wait', () => {
    const target = new Window(64 * 1024, 16 * 1024);
    pumped(target, new Uint8Array(100 * 1024));
    expect(target.accepts).toBe(5);
    target.adjust(1024 * 1024);
    expect(target.accepts).toBe(8);
    expect(target.calls).toEqual(['end']);
  });

  it('passes over chunks without bytes', () => {
    const target = new Window(0);
    expect(pumped(target, ['', new Uint8Array(0)]).seen).toEqual([0, 'complete']);
    expect(target.accepts).toBe(0);
    const some = new Window(1);
    expect(pumped(some, from(['', 'a', '', '', 'b', ''])).seen).toEqual([1]);
    some.adjust(1);
    expect(some.calls).toEqual(['end']);
  });

  it('sends a chunk that is larger than all limits', () => {
    const target = new Window(10, 7);
    const { seen } = pumped(target, of(new Uint8Array(5_000_000)), { highWaterMark: 100 });
    while (target.calls.length === 0) target.adjust(999_999);
    expect(seen.at(-1)).toBe('complete');
    expect(target.bytes.length).toBe(5_000_000);
  });

  it('sends every byte once and in order, whatever the chunks, windows and packets', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 }),
        fc.integer({ min: 1, max: 17 }),
        fc.array(fc.integer({ min: 0, max: 25 }), { minLength: 1 }),
        fc.boolean(),
        (chunks, packet, adjusts, isHot) => {
          const target = new Window(adjusts[0] ?? 0, packet);
          const all = concatBytes(chunks);
          const { seen } = pumped(target, isHot ? from(chunks) : chunks);
          for (let i = 0; target.calls.length === 0 && i < 2000; i++)
            target.adjust((adjusts[i % adjusts.length] ?? 0) + (i > 100 ? 1 : 0));
          expect(target.bytes).toEqual(all);
          expect(seen.slice(-2)).toEqual([all.length, 'complete']);
        },
      ),
    );
  });

  describe('an error of the source', () => {
    const broken = new Error('disk');

    it('aborts the target, says no end and passes on', () => {
      const target = new Window();
      const { seen } = pumped(
        target,
        concat(
          of('ab'),
          throwError(() => broken),
        ),
      );
      expect(seen).toEqual([2, 'Error disk']);
      expect(target.calls).toEqual(['abort Error: disk']);
    });

    it('waits behind the bytes before it', () => {
      const target = new Window(1);
      const { seen } = pumped(
        target,
        concat(
          of('ab'),
          throwError(() => broken),
        ),
      );
      expect(seen).toEqual([1]);
      expect(target.calls).toEqual([]);
      target.adjust(5);
      expect(seen).toEqual([1, 2, 'Error disk']);
      expect(target.calls).toEqual(['abort Error: disk']);
    });

    it('is config when a chunk is neither bytes nor text', () => {
      const target = new Window();
      expect(pumped(target, of(5) as unknown as ByteInput).seen).toEqual(['SshError config']);
      expect(target.calls.length).toBe(1);
    });
  });

  describe('a target that closes', () => {
    it('errors with released, the reason as its cause, and unsubscribes the source', () => {
      const target = new Window(1);
      const sender = new Sender(['ab', 'cd'], 1);
      let error: unknown;
      byteSink(target)
        .pump(sender.stream$)
        .subscribe({ error: (each: unknown) => (error = each) });
      target.close(LOST);
      expect(error).toMatchObject({ kind: 'released', detail: { what: 'channel' }, cause: LOST });
      expect(sender).toMatchObject({ isUnsubscribed: true, outstanding: 0, sent: 1 });
      expect(target.calls).toEqual([]);
      target.adjust(10);
      expect(target.bytes).toEqual(utf8('a'));
    });

    it('errors also while the source is silent', () => {
      marbles(({ cold, expectObservable }) => {
        const target = { ...methodsOf(new Window()), closed$: cold('---x', { x: LOST }) };
        expectObservable(byteSink(target).pump(NEVER)).toBe('---#', undefined, ofKind('released'));
      });
    });

    it('does not even subscribe the source when it was closed before', () => {
      const target = new Window();
      target.close(LOST);
      const sender = new Sender(['ab'], 1);
      expect(pumped(target, sender.stream$).seen).toEqual(['SshError released']);
      expect(sender.sent).toBe(0);
    });

    it('is no error any more when all was accepted', () => {
      const target = new Window();
      const { seen } = pumped(target, 'ab');
      target.close(LOST);
      expect(seen).toEqual([2, 'complete']);
    });
  });

  describe('a target that throws', () => {
    const refused = new SshError('overflow', 'too much', { what: 'bytes', limit: 1 });

    it('errors, at once and when it is tried again', () => {
      const target = new Window(1);
      let isBroken = false;
      const breaking: SinkTarget = {
        ...methodsOf(target),
        accept: (bytes) => {
          if (isBroken) throw refused;
          return target.accept(bytes);
        },
      };
      const { seen } = pumped(breaking, 'ab');
      isBroken = true;
      target.adjust(1);
      expect(seen).toEqual([1, 'SshError overflow']);
      expect(pumped(breaking, 'ab').seen).toEqual(['SshError overflow']);
    });

    it('errors when it cannot be ended', () => {
      const target: SinkTarget = {
        ...methodsOf(new Window()),
        end: () => {
          throw refused;
        },
      };
      expect(pumped(target, 'ab').seen).toEqual([2, 'SshError overflow']);
    });
  });

  describe('credit', () => {
    it('of a chunk is held until its last byte was accepted', () => {
      const target = new Window(3);
      const sender = new Sender(['ab', 'cd', 'ef'], 2);
      pumped(target, sender.stream$);
      expect(sender).toMatchObject({ sent: 3, acknowledged: 1 });
      target.adjust(1);
      expect(sender.acknowledged).toBe(2);
      target.adjust(2);
      expect(sender.acknowledged).toBe(3);
    });

    it('returns when it is unsubscribed; the target stays open and hears of no end', () => {
      const target = new Window(1);
      const sender = new Sender(['ab', 'cd', 'ef', 'gh'], 3);
      const { unsubscribe, seen } = pumped(target, sender.stream$);
      expect(sender.outstanding).toBe(3);
      unsubscribe();
      expect(sender).toMatchObject({ isUnsubscribed: true, outstanding: 0, sent: 3 });
      target.adjust(100);
      expect(target.bytes).toEqual(utf8('a'));
      expect(target.calls).toEqual([]);
      expect(seen).toEqual([1]);
    });

    it('returns when it is unsubscribed at any number of bytes', () => {
      for (let bytes = 0; bytes < 12; bytes++) {
        const target = new Window(0, 2);
        const sender = new Sender(['abc', 'def', 'ghi', 'jkl'], 2);
        const { unsubscribe } = pumped(target, sender.stream$);
        target.adjust(bytes);
        unsubscribe();
        expect(sender.outstanding).toBe(0);
        expect(target.bytes.length).toBe(bytes);
      }
    });

    it('is not taken by progress', () => {
      const releases: Release[] = [];
      const inside: boolean[] = [];
      const sender = new Sender(['ab', 'cd'], 1);
      byteSink(new Window())
        .pump(sender.stream$)
        .subscribe(() => {
          inside.push(isDelivering());
          releases.push(holdCredit());
        });
      expect(inside).toEqual([false, false]);
      expect(sender.acknowledged).toBe(2);
    });

    it('of a pulled source asks for one chunk at a time', () => {
      const asked: number[] = [];
      const target = new Window(3);
      const source = function* (): Generator<Uint8Array, void> {
        for (const i of count(4)) {
          asked.push(i);
          yield new Uint8Array(2);
        }
      };
      pumped(target, source());
      expect(asked).toEqual([0, 1]);
      target.adjust(2);
      expect(asked).toEqual([0, 1, 2]);
      target.adjust(100);
      expect(asked).toEqual([0, 1, 2, 3]);
    });

    it('copies what is borrowed before it waits', () => {
      const target = new Window(1);
      const source$ = new Subject<Uint8Array>();
      pumped(target, source$);
      const bytes = utf8('abc');
      deliver(source$, bytes, () => undefined, true);
      bytes.fill(0);
      target.adjust(10);
      expect(target.bytes).toEqual(utf8('abc'));
    });

    it('lets what is lent until it is acknowledged wait where it is', () => {
      const target = new Window(1);
      const source$ = new Subject<Uint8Array>();
      pumped(target, source$);
      const bytes = utf8('abc');
      let acknowledged = 0;
      deliver(source$, bytes, () => acknowledged++, 'until-acknowledged');
      expect(acknowledged).toBe(0);
      bytes.fill(0, 1);
      target.adjust(10);
      expect([...target.bytes]).toEqual([...utf8('a'), 0, 0]);
      expect(acknowledged).toBe(1);
    });
  });

  describe('a source without credit', () => {
    it('is queued up to the high-water mark, and then it errors with overflow', () => {
      const target = new Window(0);
      const source$ = new Subject<string>();
      const { seen } = pumped(target, source$, { highWaterMark: 5 });
      source$.next('abc');
      source$.next('de');
      expect(seen).toEqual([]);
      source$.next('f');
      expect(seen).toEqual(['SshError overflow']);
      expect(source$.observed).toBe(false);
      expect(target.calls).toEqual([]);
    });

    it('has its high-water mark back when bytes were accepted', () => {
      const target = new Window(0);
      const source$ = new Subject<string>();
      const { seen } = pumped(target, source$, { highWaterMark: 5 });
      for (let i = 0; i < 100; i++) {
        source$.next('abc');
        source$.next('de');
        target.adjust(5);
      }
      expect(seen.at(-1)).toBe(500);
    });

    it('is stopped at once, even when it is synchronous and endless', () => {
      const endless = range(0, Number.POSITIVE_INFINITY).pipe(map(() => new Uint8Array(1000)));
      const { seen } = pumped(new Window(10_000), endless);
      expect(seen.at(-1)).toBe('SshError overflow');
    });
  });

  describe('re-entrance', () => {
    it('keeps the order when the target brings about more chunks', () => {
      const source$ = new Subject<string>();
      const inner = new Window(1000, 2);
      let isFirst = true;
      const target: SinkTarget = {
        ...methodsOf(inner),
        accept: (bytes) => {
          const taken = inner.accept(bytes);
          if (isFirst) {
            isFirst = false;
            source$.next('xyz');
          }
          return taken;
        },
      };
      const { seen } = pumped(target, source$);
      source$.next('abcde');
      expect(inner.bytes).toEqual(utf8('abcdexyz'));
      expect(seen.at(-1)).toBe(8);
    });

    it('keeps the order when the window ends in the middle of that', () => {
      const source$ = new Subject<string>();
      const inner = new Window(3, 2);
      const target: SinkTarget = {
        ...methodsOf(inner),
        accept: (bytes) => {
          const taken = inner.accept(bytes);
          if (inner.accepts === 1) source$.next('xyz');
          return taken;
        },
      };
      pumped(target, source$);
      source$.next('abcde');
      inner.adjust(100);
      expect(inner.bytes).toEqual(utf8('abcdexyz'));
    });

    it('keeps the order when the progress brings about more chunks', () => {
      const source$ = new Subject<string>();
      const target = new Window();
      byteSink(target)
        .pump(source$)
        .subscribe((total) => {
          if (total < 10_000) source$.next(String(total % 10));
        });
      source$.next('a');
      expect(target.bytes.length).toBe(10_000);
    });

    it('goes on when the target is ready while it is asked', () => {
      const inner = new Window(2);
      const target: SinkTarget = {
        ...methodsOf(inner),
        whenReady: (resume) => {
          inner.window += 2;
          resume();
        },
      };
      expect(pumped(target, ['abc', 'defg']).seen.at(-1)).toBe('complete');
      expect(inner.bytes).toEqual(utf8('abcdefg'));
    });

    it('stops when the progress unsubscribes', () => {
      const target = new Window(100, 1);
      const sender = new Sender(['ab', 'cd', 'ef'], 1);
      const seen: number[] = [];
      byteSink(target)
        .pump(sender.stream$)
        .pipe(take(1))
        .subscribe((total) => seen.push(total));
      expect(seen).toEqual([2]);
      expect(sender).toMatchObject({ sent: 1, outstanding: 0 });
      expect(target.calls).toEqual([]);
    });

    it('stops when the target closes while it accepts', () => {
      const inner = new Window(100, 1);
      const target: SinkTarget = {
        ...methodsOf(inner),
        accept: (bytes) => {
          if (inner.accepts === 2) inner.close(LOST);
          return inner.accept(bytes);
        },
      };
      const { seen } = pumped(target, 'abcdef');
      expect(seen).toEqual(['SshError released']);
      expect(inner.bytes).toEqual(utf8('abc'));
    });
  });

  it('is fast: a hundred thousand small chunks without credit, queued and sent', () => {
    const target = new Window(0, 10);
    const chunks = Array.from({ length: 100_000 }, () => utf8('0123456789'));
    const { seen } = pumped(target, from(chunks));
    const begun = process.cpuUsage();
    target.adjust(10_000_000);
    const { user } = process.cpuUsage(begun);
    expect(seen).toEqual([1_000_000, 'complete']);
    expect(user).toBeLessThan(1_000_000);
  });

  it('takes nothing from an empty source but its end', () => {
    const target = new Window(0);
    expect(pumped(target, EMPTY).seen).toEqual([0, 'complete']);
    expect(target.calls).toEqual(['end']);
  });
});

/** A target's methods as functions that can be replaced one by one. */
function methodsOf(target: Window): SinkTarget {
  return {
    accept: (bytes) => target.accept(bytes),
    whenReady: (resume) => target.whenReady(resume),
    end: () => target.end(),
    abort: (error) => target.abort(error),
    closed$: target.closed$,
  };
}
