/** Faults X4 and X5: is the peer still there? Time is virtual. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { NEVER, type Subscription } from 'rxjs';
import { keepalive } from '../../src/channels/keepalive.ts';
import { isSshError } from '../../src/errors.ts';
import { Clock } from '../support/clock.ts';
import { Cursor, str } from '../support/raw-peer/bytes.ts';
import { settled } from '../support/raw-peer/matrix.ts';
import * as message from '../support/raw-peer/messages.ts';
import { duel, type Duel, expectAlive, ROLES } from '../support/raw-peer/subject.ts';

const { Msg } = message;

afterAll(expectAlive);

interface Watched extends Duel {
  readonly clock: Clock;
  readonly roundTrips: number[];
  readonly watch: Subscription;
}

/** A session of our end that asks every second, and gives up after the third miss. */
async function watched(role: 'client' | 'server', interval = 1000): Promise<Watched> {
  const clock = new Clock();
  const { peer, subject } = duel({ role, transport: { scheduler: clock } });
  await peer.session();
  const connection = await subject.connected();
  const roundTrips: number[] = [];
  const watch = keepalive(connection, { interval, countMax: 3 }, clock).subscribe((roundTrip) =>
    roundTrips.push(roundTrip),
  );
  return { peer, subject, clock, roundTrips, watch };
}

function nameOf(payload: Buffer): string {
  return new Cursor(payload).skip(1).text();
}

describe.each(ROLES)('X4: our %s', (role) => {
  it('gives up a silent peer after three intervals, with one error', async () => {
    const { peer, subject, clock } = await watched(role);
    await clock.pass(2999);
    expect(subject.errors).toEqual([]);
    await clock.pass(2);
    const [error] = subject.errors;
    expect(subject.errors).toHaveLength(1);
    expect(isSshError(error, 'timeout') && error.detail).toEqual({
      phase: 'keepalive',
      milliseconds: 3000,
    });
    // it asks once, and not again before it is answered
    const { payload } = await peer.expect(Msg.GLOBAL_REQUEST);
    expect(nameOf(payload)).toBe('keepalive@openssh.com');
    await peer.expectDisconnect(11);
  });

  it('waits for ever when keepalive is off, but no operation does', async () => {
    const { peer, subject, clock } = await watched(role, 0);
    const errors: unknown[] = [];
    subject.open().subscribe({ error: (error: unknown) => errors.push(error) });
    await peer.receiveOpen();
    await clock.pass(3_000_000);
    expect(errors.map((error) => isSshError(error, 'timeout') && error.detail.phase)).toEqual([
      'channel open',
    ]);
    expect(subject.errors).toEqual([]);
    subject.stop();
  });

  it('lives on whatever the peer says, as long as it says something', async () => {
    const { peer, subject, clock } = await watched(role);
    for (let second = 0; second < 20; second++) {
      await clock.pass(1000);
      peer.send(message.ignore());
      await settled(peer);
    }
    expect(subject.errors).toEqual([]);
    subject.stop();
  });
});

describe('X4: our client', () => {
  it('does not count the time in which it waits for a verdict on a host key', async () => {
    const clock = new Clock();
    let asked = 0;
    const verifyHostKey = () => (asked++ === 0 ? [true] : NEVER);
    const { peer, subject } = duel({
      role: 'client',
      transport: { scheduler: clock, verifyHostKey },
    });
    await peer.session();
    const connection = await subject.connected();
    keepalive(connection, { interval: 1000, countMax: 3 }, clock).subscribe();
    await peer.proposeBoth();
    await peer.agree();
    await settled(peer);
    await clock.pass(100_000);
    expect(subject.errors).toEqual([]);
    subject.stop();
  });
});

describe.each(ROLES)('X5: our %s takes for a sign of life', (role) => {
  const answers = {
    REQUEST_SUCCESS: () => Buffer.from([Msg.REQUEST_SUCCESS]),
    'REQUEST_SUCCESS with a payload': () => Buffer.concat([Buffer.from([81]), str('what?')]),
    REQUEST_FAILURE: () => Buffer.from([Msg.REQUEST_FAILURE]),
    UNIMPLEMENTED: (sequence: number) => message.unimplemented(sequence),
  };

  it.each(Object.entries(answers))('%s', async (_, answer) => {
    const { peer, subject, clock, roundTrips } = await watched(role);
    for (let round = 0; round < 10; round++) {
      await clock.pass(round === 0 ? 1000 : 930);
      const { sequence } = await peer.expect(Msg.GLOBAL_REQUEST);
      await clock.pass(70);
      peer.send(answer(sequence));
      await settled(peer);
      await clock.pass(0);
    }
    expect(subject.errors).toEqual([]);
    expect(roundTrips).toHaveLength(10);
    expect(new Set(roundTrips)).toEqual(new Set([70]));
    subject.stop();
  });

  it('whatever comes when an answer was lost', async () => {
    const { peer, subject, clock, roundTrips } = await watched(role);
    await clock.pass(1000);
    await peer.expect(Msg.GLOBAL_REQUEST);
    for (let round = 0; round < 10; round++) {
      peer.send(message.ignore());
      await settled(peer);
      await clock.pass(1000);
    }
    expect(subject.errors).toEqual([]);
    expect(roundTrips).toEqual([]);
    subject.stop();
  });
});

describe.each(ROLES)('X5: our %s asks nothing', (role) => {
  it('within a rekey, and once behind it', async () => {
    const { peer, subject, clock } = await watched(role);
    await peer.proposeBoth();
    if (role === 'client') await peer.readEcdhInit();
    await clock.pass(2500);
    expect(await peer.barrier()).toEqual([]);
    if (role === 'client') peer.sendEcdhReply();
    else await peer.agree();
    peer.sendNewKeys();
    await peer.readNewKeys();
    peer.forget();
    expect((await peer.barrier()).map(({ number }) => number)).toEqual([Msg.GLOBAL_REQUEST]);
    subject.stop();
  });

  it('any more when nobody looks', async () => {
    const { peer, subject, clock, watch } = await watched(role);
    watch.unsubscribe();
    await clock.pass(10_000);
    expect(await peer.barrier()).toEqual([]);
    expect(subject.errors).toEqual([]);
    subject.stop();
  });
});
