/** Row T24: PING is answered once a user is logged in and outside a key exchange, and no flood of it fills our memory. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { Cursor } from '../support/raw-peer/bytes.ts';
import * as message from '../support/raw-peer/messages.ts';
import { duel, type Duel, expectAlive, ROLES } from '../support/raw-peer/subject.ts';

const { PONG } = message.Msg;

afterAll(expectAlive);

async function connected(role: 'client' | 'server'): Promise<Duel> {
  const situation = duel({ role });
  await situation.peer.session();
  await situation.subject.connected();
  return situation;
}

describe.each(ROLES)('T24: our %s', (role) => {
  it('answers each PING with its data, in order', async () => {
    const { peer, subject } = await connected(role);
    const texts = ['', 'one', 'x'.repeat(30_000)];
    for (const text of texts) peer.send(message.ping(text));
    for (const text of texts)
      expect(new Cursor((await peer.expect(PONG)).payload).skip(1).text()).toBe(text);
    subject.stop();
  });

  it('passes over a PONG that it has not asked for', async () => {
    const { peer, subject } = await connected(role);
    peer.send(Buffer.concat([Buffer.of(PONG), message.ping('late').subarray(1)]));
    expect(await peer.barrier()).toEqual([]);
    subject.stop();
  });

  it.each([
    ['before the login', async ({ peer }: Duel) => peer.handshake()],
    [
      'behind the peer’s KEXINIT',
      async ({ peer }: Duel) => {
        await peer.session();
        await peer.proposeBoth();
      },
    ],
  ])('answers none %s, but lets go', async (_, enter) => {
    const situation = duel({ role });
    await enter(situation);
    for (let count = 0; count < 1000; count++) situation.peer.send(message.ping('x'));
    await situation.peer.expectDisconnect(2);
    expect(situation.peer.numbers).not.toContain(PONG);
    expect((await situation.subject.ended()).kind).toBe('protocol');
  });

  it('holds the answers back while it waits for the peer’s KEXINIT', async () => {
    const { peer, subject } = await connected(role);
    subject.transport?.rekey();
    await peer.readKexInit();
    for (let count = 0; count < 100; count++) peer.send(message.ping(String(count)));
    await peer.exchange();
    const numbers = peer.numbers.slice(peer.numbers.lastIndexOf(20));
    expect(numbers.slice(0, numbers.indexOf(21))).not.toContain(PONG);
    for (let count = 0; count < 100; count++)
      expect(new Cursor((await peer.until(PONG)).payload).skip(1).text()).toBe(String(count));
    subject.stop();
  });

  it('keeps no more than 2 MiB of them, and lets go then', async () => {
    const { peer, subject } = await connected(role);
    subject.transport?.rekey();
    await peer.readKexInit();
    for (let count = 0; count < 100; count++) peer.send(message.ping('x'.repeat(30_000)));
    expect((await subject.ended()).kind).toBe('overflow');
    expect(peer.numbers).not.toContain(PONG);
  });
});
