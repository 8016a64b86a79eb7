import { describe, expect, it } from '@jest/globals';
import { AnswerQueue, PendingRequests } from '../../src/channels/reply-queue.ts';

describe('answers to the peer', () => {
  it('are sent in the order of the requests, whenever they are known', () => {
    const sent: number[] = [];
    const queue = new AnswerQueue<number>((answer) => sent.push(answer));
    const [first, second, third] = [queue.reserve(), queue.reserve(), queue.reserve()];
    third(3);
    second(2);
    expect(sent).toEqual([]);
    expect(queue.length).toBe(3);
    first(1);
    expect(sent).toEqual([1, 2, 3]);
    expect(queue.length).toBe(0);
  });

  it('count once', () => {
    const sent: boolean[] = [];
    const queue = new AnswerQueue<boolean>((answer) => sent.push(answer));
    const [first, second] = [queue.reserve(), queue.reserve()];
    second(false);
    second(true);
    first(true);
    first(false);
    expect(sent).toEqual([true, false]);
  });
});

describe('requests of ours', () => {
  it('are answered in their order', () => {
    const seen: string[] = [];
    const pending = new PendingRequests<number>();
    pending.add((reply) => seen.push(`a${String(reply)}`));
    pending.add((reply) => seen.push(`b${String(reply)}`));
    expect([pending.answer(1), pending.answer(2), pending.answer(3)]).toEqual([true, true, false]);
    expect(seen).toEqual(['a1', 'b2']);
  });

  it('can all be called off', () => {
    const pending = new PendingRequests<number>();
    pending.add(() => undefined);
    expect(pending.takeAll()).toHaveLength(1);
    expect([pending.length, pending.answer(1)]).toEqual([0, false]);
  });
});
