/** Rows T19, T20, T21 and T25: messages of a key exchange too early, twice, out of order, or sent on a guess. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { Clock } from '../support/clock.ts';
import { memoryInUse, MiB } from '../support/memory.ts';
import { byte, cat, str } from '../support/raw-peer/bytes.ts';
import * as message from '../support/raw-peer/messages.ts';
import { duel, type Duel, expectAlive, ROLES } from '../support/raw-peer/subject.ts';
import { defaultProposal } from '../support/transports.ts';

afterAll(expectAlive);

async function expectRefused({ peer, subject }: Duel): Promise<void> {
  await peer.expectDisconnect(2);
  expect((await subject.ended()).kind).toBe('protocol');
  expect(subject.errors).toHaveLength(1);
}

describe.each(ROLES)('our %s', (role) => {
  const start = (strict = true): Duel => duel({ role }, { strict });

  describe.each([true, false])('T19: NEWKEYS, strict: %s', (strict) => {
    it('before the peer’s KEXINIT', async () => {
      const situation = start(strict);
      await situation.peer.identifyBoth();
      await situation.peer.readKexInit();
      situation.peer.send(byte(21));
      await expectRefused(situation);
    });

    it('before the messages of the method, with a packet under keys of nothing behind it', async () => {
      const situation = start(strict);
      const { peer } = situation;
      await peer.identifyBoth();
      await peer.proposeBoth();
      peer.sendNewKeys();
      peer.send(message.serviceRequest());
      await expectRefused(situation);
    });

    it('a second time', async () => {
      const situation = start(strict);
      await situation.peer.handshake();
      situation.peer.send(byte(21));
      await expectRefused(situation);
    });

    it('after the login', async () => {
      const situation = start(strict);
      await situation.peer.session();
      await situation.subject.connected();
      situation.peer.send(byte(21));
      await expectRefused(situation);
    });
  });

  it('T20: a second KEXINIT in the first exchange', async () => {
    const situation = start();
    await situation.peer.identifyBoth();
    await situation.peer.proposeBoth();
    situation.peer.sendKexInit();
    await expectRefused(situation);
  });

  it('T20: a second KEXINIT in a later one', async () => {
    const situation = start();
    await situation.peer.session();
    await situation.peer.proposeBoth();
    situation.peer.sendKexInit();
    await expectRefused(situation);
  });

  it.each([
    ['CHANNEL_DATA', message.data(0, 'late')],
    ['GLOBAL_REQUEST', message.globalRequest('x', true)],
    ['a service', role === 'server' ? message.serviceRequest() : message.serviceAccept()],
    ['EXT_INFO', message.extInfo(['x', 'y'])],
    ['PING', message.ping('x')],
  ])('T21: %s behind the peer’s KEXINIT', async (_, payload) => {
    const situation = start();
    await situation.peer.session();
    await situation.subject.connected();
    await situation.peer.proposeBoth();
    situation.peer.send(payload);
    await expectRefused(situation);
  });

  it('T21: the same glued to the KEXINIT', async () => {
    const situation = start();
    const { peer } = situation;
    await peer.session();
    await situation.subject.connected();
    peer.sendBytes(cat(peer.seal(peer.kexInit()), peer.seal(message.globalRequest('x', true))));
    await expectRefused(situation);
  });
});

describe.each(ROLES)('T25: a packet that the peer of our %s sends on a guess', (role) => {
  // what is sent first must be what both prefer for a guess to be right
  const transport = { proposal: { ...defaultProposal, kex: ['curve25519-sha256'] } };
  const markers = ['kex-strict-c-v00@openssh.com', 'kex-strict-s-v00@openssh.com'];
  const garbage = [cat(byte(30), byte(0xff)), cat(byte(34), str('group')), cat(byte(49), str(''))];

  it.each([
    ['another key exchange', ['guessed@spec', 'curve25519-sha256', ...markers], ['ssh-ed25519']],
    ['another host key', ['curve25519-sha256', ...markers], ['guessed@spec', 'ssh-ed25519']],
  ])('for %s is passed over unread, once', async (_, kex, hostKey) => {
    for (const guess of garbage) {
      const { peer, subject } = duel({ role, transport });
      await peer.identifyBoth();
      peer.sendKexInit(peer.kexInit({ kex, hostKey, follows: true }));
      peer.send(guess);
      await peer.exchange();
      await subject.opened();
      subject.stop();
    }
  });

  it.each([true, false])('is passed over once only, strict: %s', async (strict) => {
    const { peer, subject } = duel({ role, transport }, { strict });
    const kex = ['guessed@spec', 'curve25519-sha256', ...(strict ? markers : [])];
    await peer.identifyBoth();
    peer.sendKexInit(peer.kexInit({ kex, follows: true }));
    peer.send(cat(byte(34), str('first')));
    peer.send(cat(byte(34), str('second')));
    await peer.readKexInit();
    await peer.expectDisconnect(2);
    expect((await subject.ended()).kind).toBe('protocol');
  });

  it('counts when it is right', async () => {
    const { peer, subject } = duel({ role, transport });
    await peer.identifyBoth();
    peer.sendKexInit(peer.kexInit({ follows: true }));
    await peer.exchange();
    await subject.opened();
    subject.stop();
  });
});

describe('T20: wrong guesses without end', () => {
  const kex = ['guessed@spec', 'curve25519-sha256'];

  it('leave nothing behind: a thousand connections', async () => {
    const handshake = async (): Promise<void> => {
      const { peer, subject } = duel({ role: 'server', transportOnly: true }, { strict: false });
      await peer.identifyBoth();
      peer.sendKexInit(peer.kexInit({ kex, follows: true }));
      peer.send(cat(byte(34), str('x'.repeat(2000))));
      await peer.exchange();
      subject.stop();
      await peer.expectDisconnect(11);
    };
    for (let round = 0; round < 200; round++) await handshake();
    const before = await memoryInUse();
    for (let round = 0; round < 1000; round++) await handshake();
    expect((await memoryInUse()) - before).toBeLessThan(MiB);
  }, 60_000);

  it('leave nothing behind: five hundred rekeys of one connection', async () => {
    const clock = new Clock();
    const { peer, subject } = duel({ role: 'server', transport: { scheduler: clock } });
    await peer.session();
    const rekey = async (): Promise<void> => {
      // it may not ask more often
      await clock.pass(1000);
      peer.sendKexInit(peer.kexInit({ kex, follows: true }));
      peer.send(cat(byte(34), str('x'.repeat(2000))));
      await peer.exchange();
      // what the raw peer keeps for its own sake
      peer.written.length = 0;
      peer.numbers.length = 0;
    };
    for (let round = 0; round < 100; round++) await rekey();
    const before = await memoryInUse();
    for (let round = 0; round < 500; round++) await rekey();
    expect((await memoryInUse()) - before).toBeLessThan(MiB);
    subject.stop();
  }, 60_000);
});
