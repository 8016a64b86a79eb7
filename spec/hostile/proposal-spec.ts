/** Rows T17 and T26: proposals that are weak, strange or far too long. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { isSshError } from '../../src/errors.ts';
import { warningsOf } from '../../src/streams/handshake.ts';
import { bool, byte, cat, names, str, u32 } from '../support/raw-peer/bytes.ts';
import { RAW_CBC, rawSuite } from '../support/raw-peer/suites.ts';
import { duel, type Duel, expectAlive, ROLES } from '../support/raw-peer/subject.ts';
import { defaultProposal } from '../support/transports.ts';

const CURVE = 'curve25519-sha256';
const CHACHA = 'chacha20-poly1305@openssh.com';
const EMPTY = names();

afterAll(expectAlive);

/** A KEXINIT with these lists on the wire, as they are. */
function kexInit(lists: readonly Uint8Array[], reserved = 0): Buffer {
  return cat(byte(20), Buffer.alloc(16, 7), ...lists, bool(false), u32(reserved));
}

/** The lists of a right KEXINIT, but one of them. */
function listsWith(at: number, list: Uint8Array): Uint8Array[] {
  const gcm = names('aes128-gcm@openssh.com');
  const none = names('none');
  const lists = [names(CURVE), names('ssh-ed25519'), gcm, gcm, EMPTY, EMPTY, none, none];
  return [...lists, EMPTY, EMPTY].map((each, index) => (index === at ? list : each));
}

async function expectAgreed({ peer, subject }: Duel, init: Buffer): Promise<void> {
  await peer.identifyBoth();
  peer.sendKexInit(init);
  await peer.exchange();
  await subject.opened();
  subject.stop();
}

async function expectRefused({ peer, subject }: Duel, init: Buffer, reason = 2): Promise<void> {
  await peer.identifyBoth();
  peer.sendKexInit(init);
  await peer.expectDisconnect(reason);
  expect(['protocol', 'key-exchange']).toContain((await subject.ended()).kind);
}

describe.each(ROLES)('T17: our %s, with a peer without strict key exchange,', (role) => {
  it.each([
    [CHACHA, '', true],
    ['aes128-gcm@openssh.com', '', false],
    ['aes256-ctr', 'hmac-sha2-256-etm@openssh.com', false],
    ['aes256-ctr', 'hmac-sha2-256', false],
  ])('tells whether %s %s is open to Terrapin: %s', async (cipher, mac, isOpen) => {
    const { peer, subject } = duel({ role }, { strict: false, suite: rawSuite(cipher, mac) });
    await peer.handshake();
    const { handshake } = await subject.opened();
    expect(handshake).toMatchObject({
      isOpenToTerrapin: isOpen,
      isPostQuantum: false,
      strictKeyExchange: false,
    });
    expect(warningsOf(handshake).map(({ warning }) => warning)).toEqual([
      ...(isOpen ? ['terrapin'] : []),
      'not-post-quantum',
    ]);
    subject.stop();
  });

  it('can be told to have none of it', async () => {
    const cipher = defaultProposal.cipher.filter((name) => name !== CHACHA);
    const transport = { proposal: { ...defaultProposal, cipher } };
    const { peer, subject } = duel({ role, transport }, { strict: false, suite: rawSuite(CHACHA) });
    await peer.identifyBoth();
    await peer.proposeBoth();
    await peer.expectDisconnect(3);
    expect(isSshError(await subject.ended(), 'key-exchange')).toBe(true);
  });

  it('has nothing to tell under strict key exchange', async () => {
    const { peer, subject } = duel({ role }, { suite: rawSuite(CHACHA) });
    await peer.handshake();
    expect((await subject.opened()).handshake.isOpenToTerrapin).toBe(false);
    subject.stop();
  });
});

describe.each(ROLES)('our %s', (role) => {
  it('has what is weak and was agreed on in the record of the handshake', async () => {
    const cipher = 'aes128-cbc';
    const transport = { proposal: { ...defaultProposal, cipher: [cipher] } };
    const { peer, subject } = duel({ role, transport }, { suite: RAW_CBC.mac });
    await peer.handshake();
    expect((await subject.opened()).handshake.legacy).toEqual([cipher]);
    subject.stop();
  });

  it('has nothing weak in it unless it was named', async () => {
    const { peer, subject } = duel({ role });
    await peer.handshake();
    expect((await subject.opened()).handshake.legacy).toEqual([]);
    subject.stop();
  });
});

describe.each(ROLES)('T26: our %s', (role) => {
  it.each<[string, Buffer]>([
    ['empty lists of MACs beside an AEAD, and of languages', kexInit(listsWith(-1, EMPTY))],
    ['a reserved field with something in it', kexInit(listsWith(-1, EMPTY), 0xdead_beef)],
    ['a name twice', kexInit(listsWith(0, names(CURVE, CURVE, CURVE)))],
    ['a name that it does not know', kexInit(listsWith(0, names('x@spec', CURVE)))],
    ['names of 64 characters', kexInit(listsWith(0, names('x'.repeat(64), CURVE)))],
    ['1024 names', kexInit(listsWith(0, names(...Array<string>(1023).fill('x@spec'), CURVE)))],
    ['languages', kexInit(listsWith(8, names('en', 'de')))],
  ])('takes %s', async (_, init) => {
    await expectAgreed(duel({ role }, { strict: false }), init);
  });

  it.each<[string, Buffer]>([
    ['30 KiB of commas', kexInit(listsWith(0, str(','.repeat(30_000))))],
    ['10 000 names', kexInit(listsWith(0, names(...Array<string>(10_000).fill('x@'))))],
    ['an empty name', kexInit(listsWith(0, names('', CURVE)))],
    ['a name of 65 characters', kexInit(listsWith(0, names('x'.repeat(65), CURVE)))],
    ['a name that is not US-ASCII', kexInit(listsWith(0, names('é', CURVE)))],
    ['a name with a NUL', kexInit(listsWith(0, names(`${CURVE}\0`)))],
    ['a list that is longer than the message', kexInit(listsWith(9, u32(0xffff_ffff)))],
    ['nothing but a number', byte(20)],
    ['something behind its end', cat(kexInit(listsWith(-1, EMPTY)), byte(0))],
  ])('refuses %s', async (_, init) => {
    await expectRefused(duel({ role }, { strict: false }), init);
  });

  it.each<[string, number]>([
    ['key exchange', 0],
    ['host key', 1],
    ['cipher', 2],
    ['compression', 6],
  ])('has no %s in common with an empty list', async (category, at) => {
    const situation = duel({ role }, { strict: false });
    await expectRefused(situation, kexInit(listsWith(at, EMPTY)), 3);
    const error = await situation.subject.ended();
    expect(isSshError(error, 'key-exchange') && error.detail.failure?.category).toContain(category);
  });

  it('has no MAC in common with an empty list, where one is needed', async () => {
    const lists = listsWith(2, names('aes256-ctr'));
    await expectRefused(duel({ role }, { strict: false }), kexInit(lists), 3);
  });

  it('spends less than five milliseconds on each of a thousand of the longest', async () => {
    const init = kexInit(listsWith(0, names(...Array<string>(1023).fill('x@spec'), 'y@spec')));
    const before = process.cpuUsage();
    for (let round = 0; round < 1000; round++) {
      const { peer, subject } = duel({ role, transportOnly: true }, { strict: false });
      await peer.identifyBoth();
      peer.sendKexInit(init);
      await peer.expectDisconnect(3);
      expect((await subject.ended()).kind).toBe('key-exchange');
    }
    const { user, system } = process.cpuUsage(before);
    // the raw peer's own part, which is more than half of it, counts in
    expect((user + system) / 1000).toBeLessThan(5000);
  }, 30_000);
});
