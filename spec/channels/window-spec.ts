import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isSshError } from '../../src/errors.ts';
import {
  CROWDED_WINDOW,
  INITIAL_WINDOW,
  LARGEST_WINDOW,
  ReceiveWindow,
  SendWindow,
  WindowBudget,
} from '../../src/channels/window.ts';

const MAX = 0xffff_ffff;
const MIB = 1024 * 1024;

function kindOf(action: () => void): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return isSshError(error) ? error.kind : String(error);
  }
}

describe('a send window', () => {
  it.each<[string, number, number, string | undefined]>([
    ['up to 2^32-1', MAX - 1, 1, undefined],
    ['not past 2^32-1', MAX, 1, 'protocol'],
    ['from 0 to 2^32-1', 0, MAX, undefined],
    ['across 2^31', 2 ** 31 - 1, 2, undefined],
    ['twice 2^31 is too much', 2 ** 31, 2 ** 31, 'protocol'],
    ['by nothing', MAX, 0, undefined],
  ])('is adjusted %s', (_what, start, bytes, expected) => {
    const window = new SendWindow(start);
    expect(kindOf(() => window.adjust(bytes))).toBe(expected);
    expect(window.remaining).toBe(expected === undefined ? start + bytes : start);
  });
});

describe('a receive window', () => {
  it('takes exactly what was granted', () => {
    const window = new ReceiveWindow(10, new WindowBudget(0));
    window.receive(10, 0);
    expect(kindOf(() => window.receive(1, 0))).toBe('protocol');
    expect(kindOf(() => window.receive(0, 0))).toBeUndefined();
  });

  it('is granted when half of it is consumed', () => {
    const window = new ReceiveWindow(100, new WindowBudget(0));
    window.receive(60, 0);
    expect(window.isGrantDue).toBe(false);
    window.consume(49);
    expect(window.isGrantDue).toBe(false);
    window.consume(1);
    expect(window.isGrantDue).toBe(true);
    expect(window.grant(0, 0)).toBe(50);
    expect(window.isGrantDue).toBe(false);
  });

  it('grants nothing that is not consumed', () => {
    const window = new ReceiveWindow(100, new WindowBudget(0));
    window.receive(100, 0);
    expect(window.isGrantDue).toBe(false);
    expect(window.unconsumed).toBe(100);
  });

  it('knows how long the first data took that could not have come without a grant', () => {
    const window = new ReceiveWindow(100, new WindowBudget(0));
    window.receive(60, 0);
    window.consume(60);
    window.grant(10, 0);
    expect(window.receive(40, 20)).toBeUndefined();
    window.consume(40);
    window.grant(25, 0);
    expect([window.receive(1, 70), window.receive(50, 90)]).toEqual([60, undefined]);
  });

  it('of one byte lets byte after byte through', () => {
    const window = new ReceiveWindow(1, new WindowBudget(0));
    for (let byte = 0; byte < 3; byte++) {
      window.receive(1, 0);
      window.consume(1);
      expect(window.isGrantDue).toBe(true);
      expect(window.grant(byte, 0)).toBe(1);
    }
  });

  /** Bytes that arrive at full speed over a wire with this round trip, and are consumed at once. Gives the sizes. */
  function transfer(window: ReceiveWindow, roundTrip: number, rounds: number): number[] {
    let now = 0;
    let inFlight = window.size;
    return Array.from({ length: rounds }, () => {
      let arriving = inFlight;
      inFlight = 0;
      while (arriving > 0) {
        const piece = Math.min(arriving, 32 * 1024);
        arriving -= piece;
        window.receive(piece, 0);
        window.consume(piece);
        if (window.isGrantDue) inFlight += window.grant(now, roundTrip);
      }
      now += roundTrip;
      return window.size;
    });
  }

  it('grows where it limits a transfer, up to 16 MiB', () => {
    const window = new ReceiveWindow(INITIAL_WINDOW, new WindowBudget(64 * MIB));
    expect(transfer(window, 100, 12).at(-1)).toBe(LARGEST_WINDOW);
  });

  it('never grows where the round trip is too short to limit', () => {
    const window = new ReceiveWindow(INITIAL_WINDOW, new WindowBudget(64 * MIB));
    expect(transfer(window, 1, 50).at(-1)).toBe(INITIAL_WINDOW);
  });

  it('does not grow for a transfer that needs a tenth of it a round trip', () => {
    const window = new ReceiveWindow(INITIAL_WINDOW, new WindowBudget(64 * MIB));
    for (let now = 0; now < 10_000; now += 100) {
      window.receive(INITIAL_WINDOW / 10, 0);
      window.consume(INITIAL_WINDOW / 10);
      if (window.isGrantDue) window.grant(now, 100);
    }
    expect(window.size).toBe(INITIAL_WINDOW);
  });

  it('does not grow for a consumer that is behind', () => {
    const window = new ReceiveWindow(INITIAL_WINDOW, new WindowBudget(64 * MIB));
    for (let now = 0; now < 5_000; now += 100) {
      window.receive(INITIAL_WINDOW - window.unconsumed, 0);
      window.consume(INITIAL_WINDOW / 2);
      if (window.isGrantDue) window.grant(now, 100);
    }
    expect(window.size).toBe(INITIAL_WINDOW);
  });

  it('is told of a quarter once it limits: the peer would stand still until half is consumed', () => {
    const window = new ReceiveWindow(INITIAL_WINDOW, new WindowBudget(0));
    transfer(window, 100, 4);
    const size = window.size;
    window.receive(size / 4, 0);
    window.consume(size / 4);
    expect(window.isGrantDue).toBe(true);
  });

  it('borrows what it grows by, and gives it back', () => {
    const budget = new WindowBudget(3 * MIB);
    const first = new ReceiveWindow(INITIAL_WINDOW, budget);
    const second = new ReceiveWindow(INITIAL_WINDOW, budget);
    transfer(first, 100, 10);
    transfer(second, 100, 10);
    expect([first.size, second.size]).toEqual([5 * MIB, 2 * MIB]);
    first.release();
    first.release();
    expect(budget.borrow(10 * MIB)).toBe(3 * MIB);
  });

  it('is never negative, never past 2^32-1, and loses no byte', () => {
    const event = fc.oneof(
      fc.record({ type: fc.constant('receive' as const), bytes: fc.nat(40_000) }),
      fc.record({ type: fc.constant('consume' as const), bytes: fc.nat(80_000) }),
      fc.record({ type: fc.constant('time' as const), bytes: fc.nat(400) }),
    );
    const size = fc.oneof(fc.integer({ min: 1, max: 100_000 }), fc.constantFrom(1, MAX, MAX - 1));
    fc.assert(
      fc.property(
        size,
        fc.nat(3 * MIB),
        fc.nat(300),
        fc.array(event, { maxLength: 200 }),
        (first, lent, roundTrip, events) => {
          const budget = new WindowBudget(lent);
          const receiver = new ReceiveWindow(first, budget);
          const sender = new SendWindow(first);
          let [now, received, consumed] = [0, 0, 0];
          for (const { type, bytes } of events) {
            if (type === 'time') now += bytes;
            if (type === 'receive') {
              // a peer that sends what it may is never refused
              const sent = Math.min(bytes, sender.remaining);
              sender.use(sent);
              receiver.receive(sent, now);
              received += sent;
            }
            if (type === 'consume') {
              const done = Math.min(bytes, received - consumed);
              receiver.consume(done);
              consumed += done;
            }
            if (receiver.isGrantDue) sender.adjust(receiver.grant(now, roundTrip));
            expect(sender.remaining).toBeGreaterThanOrEqual(0);
            expect(sender.remaining).toBeLessThanOrEqual(MAX);
            expect(receiver.unconsumed).toBe(received - consumed);
            // what is out and what may come is never more than the window
            expect(sender.remaining + receiver.unconsumed).toBeLessThanOrEqual(receiver.size);
            expect(receiver.size - first).toBeLessThanOrEqual(lent);
          }
          receiver.release();
          expect(budget.borrow(Number.MAX_SAFE_INTEGER)).toBe(lent);
        },
      ),
    );
  });

  it('never leaves a sender without credit when all is consumed', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.array(fc.integer({ min: 1, max: 5_000 }), { maxLength: 100 }),
        (first, writes) => {
          const receiver = new ReceiveWindow(first, new WindowBudget(0));
          const sender = new SendWindow(first);
          for (const write of writes) {
            const sent = Math.min(write, sender.remaining);
            expect(sent).toBeGreaterThan(0);
            sender.use(sent);
            receiver.receive(sent, 0);
            receiver.consume(sent);
            if (receiver.isGrantDue) sender.adjust(receiver.grant(0, 0));
          }
        },
      ),
    );
  });
});

describe('the budget of all windows', () => {
  it('lends no more than it has', () => {
    const budget = new WindowBudget(100);
    expect([budget.borrow(60), budget.borrow(60), budget.borrow(1)]).toEqual([60, 40, 0]);
    budget.giveBack(10);
    expect(budget.borrow(60)).toBe(10);
  });

  it('starts windows small as long as a crowd is expected', () => {
    const budget = new WindowBudget(100);
    const [first, second] = [budget.expectCrowd(), budget.expectCrowd()];
    expect(budget.firstWindow).toBe(CROWDED_WINDOW);
    first();
    first();
    expect(budget.firstWindow).toBe(CROWDED_WINDOW);
    second();
    expect(budget.firstWindow).toBe(INITIAL_WINDOW);
  });
});
