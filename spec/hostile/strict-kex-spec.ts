/** Rows T13 to T16: strict key exchange (OpenSSH PROTOCOL 1.9, CVE-2023-48795), and the markers that agree on it. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { isSshError } from '../../src/errors.ts';
import { byte, str } from '../support/raw-peer/bytes.ts';
import * as message from '../support/raw-peer/messages.ts';
import type { RawOptions } from '../support/raw-peer/kex-peer.ts';
import { RAW_SUITES, suiteName } from '../support/raw-peer/suites.ts';
import { duel, type Duel, expectAlive, ROLES } from '../support/raw-peer/subject.ts';

const STRAYS = [
  ['IGNORE', message.ignore()],
  ['DEBUG', message.debug('stray')],
  ['UNIMPLEMENTED', message.unimplemented(0)],
  ['EXT_INFO', message.extInfo(['server-sig-algs', 'ssh-ed25519'])],
  ['PING', message.ping('stray')],
  ['200', byte(200)],
  ['19', byte(19)],
  ['32', Buffer.concat([byte(32), str('stray')])],
] as const;

const STRICT = ['kex-strict-c-v00@openssh.com', 'kex-strict-s-v00@openssh.com'] as const;
const EXT_INFO = ['ext-info-c', 'ext-info-s'] as const;

afterAll(expectAlive);

async function expectRefused({ peer, subject }: Duel): Promise<void> {
  await peer.expectDisconnect(2);
  expect((await subject.ended()).kind).toBe('protocol');
  expect(subject.errors).toHaveLength(1);
}

describe.each(ROLES)('our %s', (role) => {
  const start = (raw: Partial<RawOptions> = {}): Duel => duel({ role }, raw);

  describe.each(STRAYS)('T13: %s before KEXINIT', (name, payload) => {
    it('is refused when the peer asks for strict key exchange', async () => {
      const situation = start();
      const { peer } = situation;
      peer.identify();
      peer.send(payload);
      peer.sendKexInit();
      await peer.readIdentification();
      await expectRefused(situation);
    });

    const isTaken = ['IGNORE', 'DEBUG', 'UNIMPLEMENTED', '19'].includes(name);
    it(`is ${isTaken ? 'taken' : 'refused'} when it does not`, async () => {
      const situation = start({ strict: false });
      const { peer, subject } = situation;
      peer.identify();
      peer.send(payload);
      await peer.readIdentification();
      if (!isTaken) {
        await expectRefused(situation);
        return;
      }
      await peer.exchange();
      expect((await subject.opened()).handshake.strictKeyExchange).toBe(false);
      subject.stop();
    });
  });

  describe.each(STRAYS)('T14: %s within the first exchange', (_, payload) => {
    it('is refused behind KEXINIT', async () => {
      const situation = start();
      await situation.peer.identifyBoth();
      await situation.peer.proposeBoth();
      situation.peer.send(payload);
      await expectRefused(situation);
      expect(situation.subject.userCode).toEqual([]);
    });

    it('is refused behind the message of the method', async () => {
      const situation = start();
      await situation.peer.identifyBoth();
      await situation.peer.proposeBoth();
      await situation.peer.agree();
      situation.peer.send(payload);
      await situation.peer.readNewKeys();
      await expectRefused(situation);
    });
  });

  it('T14: says nothing but the exchange itself', async () => {
    const { peer, subject } = start();
    await peer.handshake();
    expect(peer.numbers).toEqual(role === 'client' ? [20, 30, 21] : [20, 31, 21]);
    subject.stop();
  });

  it.each(RAW_SUITES.map((suite) => [suiteName(suite), suite] as const))(
    'T15: counts anew behind every NEWKEYS: three rekeys with %s',
    async (_, suite) => {
      const { peer, subject } = start({ suite });
      await peer.session();
      await subject.connected();
      for (let round = 0; round < 3; round++) {
        if (round === 1) subject.transport?.rekey();
        // the rules about the first packet and stray messages are for the first exchange only
        peer.send(message.ignore());
        peer.sendKexInit();
        peer.send(message.ignore());
        await peer.readKexInit();
        peer.send(message.debug('within'));
        await peer.agree();
        peer.send(message.ignore());
        peer.sendNewKeys();
        expect(peer.outSequence).toBe(0);
        await peer.readNewKeys();
        expect(peer.inSequence).toBe(0);
        peer.forget();
        expect(await peer.barrier()).toEqual([]);
        expect(peer.outSequence).toBe(1);
      }
      subject.stop();
    },
  );

  it('T15: counts on without strict key exchange', async () => {
    const { peer, subject } = start({ strict: false });
    await peer.session();
    for (let round = 0; round < 3; round++) {
      const before = peer.outSequence;
      await peer.exchange();
      expect(await peer.barrier()).toEqual([]);
      expect(peer.outSequence).toBe(before + 4);
    }
    subject.stop();
  });

  it.each([
    ['the markers', [...EXT_INFO, ...STRICT]],
    ['the marker of strict key exchange', [STRICT[0]]],
    ['our own role’s marker', [role === 'client' ? STRICT[0] : STRICT[1]]],
    ['nothing', []],
  ])('T16: agrees on no key exchange with a peer that offers %s', async (_, kex) => {
    const { peer, subject } = start();
    await peer.identifyBoth();
    peer.sendKexInit(peer.kexInit({ kex }));
    await peer.readKexInit();
    await peer.expectDisconnect(3);
    const error = await subject.ended();
    expect(isSshError(error, 'key-exchange') && error.detail.failure).toMatchObject({
      category: 'key exchange',
      theirs: [],
    });
  });

  it('T16: looks for the markers in the first KEXINIT only', async () => {
    const { peer, subject } = start({ strict: false });
    await peer.session();
    peer.sendKexInit(peer.kexInit({ kex: ['curve25519-sha256', ...STRICT, ...EXT_INFO] }));
    await peer.exchange();
    // counts on: under strict key exchange the barrier would not verify
    expect(await peer.barrier()).toEqual([]);
    expect((await subject.connected()).transport.handshake.strictKeyExchange).toBe(false);
    subject.stop();
  });

  it('T16: stays strict when a later KEXINIT has no marker', async () => {
    const { peer, subject } = start();
    await peer.session();
    await peer.exchange();
    expect(peer.isStrict).toBe(true);
    expect(peer.outSequence).toBe(0);
    expect(await peer.barrier()).toEqual([]);
    subject.stop();
  });

  it('T16: takes the peer’s marker for a name in its other lists as little as for a key exchange', async () => {
    const { peer, subject } = start();
    await peer.identifyBoth();
    peer.sendKexInit(peer.kexInit({ hostKey: [...STRICT, ...EXT_INFO] }));
    await peer.readKexInit();
    await peer.expectDisconnect(3);
    expect((await subject.ended()).kind).toBe('key-exchange');
  });
});
