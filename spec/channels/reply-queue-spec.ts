import { describe, expect, it } from '@jest/globals';
import { EMPTY, NEVER, Subject, throwError } from 'rxjs';
import { AnswerQueue, PendingRequests } from '../../src/channels/reply-queue.ts';

function answersOf<R>(refusal: R): { readonly queue: AnswerQueue<R>; readonly sent: R[] } {
  const sent: R[] = [];
  const send = (answer: R): void => void sent.push(answer);
  return { queue: new AnswerQueue<R>({ refusal, send, run: (task) => task() }), sent };
}

describe('answers to the peer', () => {
  it('are sent in the order of the requests, whenever they are known', () => {
    const { queue, sent } = answersOf(0);
    const verdicts = [new Subject<number>(), new Subject<number>(), new Subject<number>()];
    for (const verdict of verdicts) queue.take(true, () => verdict);
    verdicts[2]?.next(3);
    verdicts[1]?.next(2);
    expect(sent).toEqual([]);
    verdicts[0]?.next(1);
    expect(sent).toEqual([1, 2, 3]);
  });

  it('are refusals without a handler, and when it throws, fails or says nothing', () => {
    const { queue, sent } = answersOf('no');
    queue.take(true, undefined);
    queue.take(true, () => {
      throw new Error('broken');
    });
    queue.take(true, () => throwError(() => new Error('broken')));
    queue.take(true, () => EMPTY);
    queue.take(true, () => 'yes');
    expect(sent).toEqual(['no', 'no', 'no', 'no', 'yes']);
  });

  it('are not sent to a request that wants none, and nothing waits behind it', () => {
    const { queue, sent } = answersOf('no');
    queue.take(false, () => NEVER);
    queue.take(false, () => 'unheard');
    queue.take(true, () => 'yes');
    expect(sent).toEqual(['yes']);
  });

  it.each([true, false])('are asked for within a limit (a reply is wanted: %s)', (wantReply) => {
    const { queue } = answersOf('no');
    const slow: Subject<string>[] = [];
    const ask = (): void =>
      queue.take(wantReply, () => {
        const verdict = new Subject<string>();
        slow.push(verdict);
        return verdict;
      });
    for (let count = 0; count < 256; count++) ask();
    expect(ask).toThrow(expect.objectContaining({ kind: 'protocol' }));
    slow[0]?.next('yes');
    ask();
    expect(ask).toThrow(expect.objectContaining({ kind: 'protocol' }));
    queue.end();
    expect(slow.some(({ observed }) => observed)).toBe(false);
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
