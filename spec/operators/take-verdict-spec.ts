import { describe, expect, it } from '@jest/globals';
import { BehaviorSubject, EMPTY, of, Subject, throwError } from 'rxjs';
import { takeVerdict, type Verdict } from '../../src/operators/take-verdict.ts';

/** What came of asking. */
function verdictOf(ask: () => Verdict<unknown>): unknown[] {
  const seen: unknown[] = [];
  takeVerdict(
    ask,
    (value) => seen.push(['accepted', value]),
    (error) => seen.push(['refused', error]),
  );
  return seen;
}

describe('takeVerdict', () => {
  it('takes a value as it is, bytes and objects too', () => {
    const bytes = Uint8Array.of(1, 2);
    const answer = { accept: true };
    for (const value of [true, false, bytes, answer, null])
      expect(verdictOf(() => value)).toEqual([['accepted', value]]);
  });

  it('takes the first value of whatever emits some', async () => {
    expect(verdictOf(() => of(true, false))).toEqual([['accepted', true]]);
    expect(verdictOf(() => [false, true])).toEqual([['accepted', false]]);
    const promised = verdictOf(() => Promise.resolve(true));
    await Promise.resolve();
    expect(promised).toEqual([['accepted', true]]);
  });

  it('takes a throw, an error and an end without a value for a refusal', () => {
    const error = new Error('no');
    const throws = (): never => {
      throw error;
    };
    expect(verdictOf(throws)).toEqual([['refused', error]]);
    expect(verdictOf(() => throwError(() => error))).toEqual([['refused', error]]);
    expect(verdictOf(() => EMPTY)).toEqual([['refused', undefined]]);
  });

  it('lets a source go that would go on: a connection is not to collect them', () => {
    const policy = new BehaviorSubject(true);
    const later = new Subject<boolean>();
    expect(verdictOf(() => policy)).toEqual([['accepted', true]]);
    expect(policy.observed).toBe(false);
    const seen = verdictOf(() => later);
    later.next(false);
    expect([seen, later.observed]).toEqual([[['accepted', false]], false]);
  });
});
