import { describe, expect, it } from '@jest/globals';
import { VirtualTimeScheduler } from 'rxjs';
import { LONGEST_DELAY } from '../../src/operators/steady-scheduler.ts';
import { after, timeoutError } from '../../src/streams/deadline.ts';

/** When it expires on virtual time; nothing when it does not. */
function expiries(milliseconds: number): readonly number[] {
  const scheduler = new VirtualTimeScheduler();
  const times: number[] = [];
  after(milliseconds, () => times.push(scheduler.now()), scheduler);
  scheduler.flush();
  return times;
}

describe('after', () => {
  it.each([1, 20_000, LONGEST_DELAY])('expires once, %d ms from now', (milliseconds) => {
    expect(expiries(milliseconds)).toEqual([milliseconds]);
  });

  it('never expires when it is 0', () => {
    expect(expiries(0)).toEqual([]);
  });

  // setTimeout would take each of these for 1 ms
  it.each([LONGEST_DELAY + 1, 2 ** 32, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY])(
    'expires after the longest time there is when it is %d',
    (milliseconds) => {
      expect(LONGEST_DELAY).toBe(2 ** 31 - 1);
      expect(expiries(milliseconds)).toEqual([LONGEST_DELAY]);
    },
  );

  it('is called off by unsubscribing', () => {
    const scheduler = new VirtualTimeScheduler();
    let expired = 0;
    after(10, () => expired++, scheduler).unsubscribe();
    scheduler.flush();
    expect(expired).toBe(0);
  });
});

describe('timeoutError', () => {
  it('names the phase and its time, and is worth a retry', () => {
    const error = timeoutError('key exchange', 60_000);
    expect(error.kind).toBe('timeout');
    expect(error.detail).toEqual({ phase: 'key exchange', milliseconds: 60_000 });
    expect(error.message).toBe('key exchange: no end within 60000 ms');
    expect(error.transient).toBe(true);
  });
});
