import { afterEach, describe, expect, it } from '@jest/globals';
import { Subject } from 'rxjs';
import { keepalive, type KeepaliveOptions } from '../../src/channels/keepalive.ts';
import { isSshError } from '../../src/errors.ts';
import type { Message } from '../../src/messages/catalogue.ts';
import { Clock } from '../support/clock.ts';
import { closeScripted, type Script, script } from '../support/scripted.ts';

afterEach(closeScripted);

interface Watched {
  readonly clock: Clock;
  readonly peer: Script;
  /** What keepalive$ has said. */
  readonly seen: (number | string)[];
  leave(): void;
}

async function watched(
  options: Partial<KeepaliveOptions> = {},
  more: Parameters<typeof script>[0] = {},
): Promise<Watched> {
  const clock = new Clock();
  const peer = await script({ ...more, transport: { scheduler: clock, ...more.transport } });
  const seen: (number | string)[] = [];
  const subscription = keepalive(
    peer.connection,
    { interval: 100, countMax: 3, ...options },
    clock,
  ).subscribe({
    next: (roundTrip) => seen.push(roundTrip),
    error: (error: unknown) => seen.push(String(error)),
    complete: () => seen.push('complete'),
  });
  return { clock, peer, seen, leave: () => subscription.unsubscribe() };
}

function questions({ peer }: Watched): number {
  return peer.of('GLOBAL_REQUEST').length;
}

describe('keepalive', () => {
  it('asks at intervals and tells the round-trip time', async () => {
    const w = await watched();
    await w.clock.pass(100);
    expect(w.peer.of('GLOBAL_REQUEST')).toEqual([
      {
        type: 'GLOBAL_REQUEST',
        requestName: 'keepalive@openssh.com',
        wantReply: true,
        payload: new Uint8Array(0),
      },
    ]);
    await w.clock.pass(30);
    await w.peer.say({ type: 'REQUEST_SUCCESS', payload: new Uint8Array(0) });
    expect(w.seen).toEqual([30]);
    await w.clock.pass(70);
    await w.peer.say({ type: 'REQUEST_FAILURE' });
    expect([w.seen, questions(w)]).toEqual([[30, 0], 2]);
  });

  it.each<[string, Message]>([
    ['SUCCESS', { type: 'REQUEST_SUCCESS', payload: new Uint8Array(0) }],
    ['FAILURE', { type: 'REQUEST_FAILURE' }],
    ['UNIMPLEMENTED', { type: 'UNIMPLEMENTED', packetSequenceNumber: 0 }],
  ])('takes %s for a sign of life', async (_name, answer) => {
    const w = await watched();
    for (let round = 0; round < 10; round++) {
      await w.clock.pass(100);
      await w.peer.say(answer);
    }
    expect([w.seen.length, w.peer.connection.transport.ended]).toEqual([10, undefined]);
  });

  it('ends the connection of a dead peer at interval × countMax', async () => {
    const w = await watched();
    await w.clock.pass(299);
    expect(w.peer.connection.transport.ended).toBeUndefined();
    await w.clock.pass(1);
    const { ended } = w.peer.connection.transport;
    expect(isSshError(ended, 'timeout') && [ended.detail, ended.transient]).toEqual([
      { phase: 'keepalive', milliseconds: 300 },
      true,
    ]);
    expect(w.seen).toEqual(['complete']);
    // one question: a peer that does not answer one need not hear another
    expect(questions(w)).toBe(1);
  });

  it('with a single miss still waits for the answer to a question', async () => {
    const w = await watched({ countMax: 1 });
    await w.clock.pass(199);
    expect(w.peer.connection.transport.ended).toBeUndefined();
    await w.clock.pass(1);
    expect(w.peer.connection.transport.ended?.kind).toBe('timeout');
  });

  it('lets a peer live that sends anything', async () => {
    const w = await watched();
    for (let round = 0; round < 10; round++) {
      await w.clock.pass(150);
      await w.peer.say({ type: 'IGNORE', data: new Uint8Array(0) });
    }
    expect([w.peer.connection.transport.ended, questions(w)]).toEqual([undefined, 1]);
    // the interval in which it was last heard does not count
    await w.clock.pass(399);
    expect(w.peer.connection.transport.ended).toBeUndefined();
    await w.clock.pass(1);
    expect(w.peer.connection.transport.ended?.kind).toBe('timeout');
  });

  it('rests while a host key is being judged', async () => {
    const verdict = new Subject<boolean>();
    let asked = 0;
    const w = await watched(
      {},
      { transport: { rekeyTimeout: 0, verifyHostKey: () => (asked++ === 0 ? [true] : verdict) } },
    );
    w.peer.connection.transport.rekey();
    await w.clock.pass(5_000);
    expect([asked, w.peer.connection.transport.isGateClosed, questions(w)]).toEqual([2, true, 0]);
    verdict.next(true);
    await w.clock.pass(100);
    expect([w.peer.connection.transport.ended, questions(w)]).toEqual([undefined, 1]);
  });

  it('is off at an interval of 0', async () => {
    const w = await watched({ interval: 0 });
    expect(w.seen).toEqual(['complete']);
    await w.clock.pass(1_000_000);
    expect([questions(w), w.peer.connection.transport.ended]).toEqual([0, undefined]);
  });

  it('does not take an interval of a month for one of a millisecond', async () => {
    const w = await watched({ interval: 2 ** 40 });
    await w.clock.pass(2 ** 31 - 2);
    expect(questions(w)).toBe(0);
    await w.clock.pass(1);
    expect(questions(w)).toBe(1);
  });

  it('completes when the connection ends, and leaves no timer', async () => {
    const w = await watched();
    await w.clock.pass(100);
    w.peer.connection.transport.disconnect();
    await w.clock.pass(0);
    expect(w.seen).toEqual(['complete']);
    await w.clock.pass(200);
    expect(w.clock.actions.filter(({ closed }) => !closed)).toEqual([]);
  });

  it('stops when it is unsubscribed', async () => {
    const w = await watched();
    w.leave();
    await w.clock.pass(1_000);
    expect(questions(w)).toBe(0);
  });
});
