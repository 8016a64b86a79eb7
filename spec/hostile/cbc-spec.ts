/** Row T11: what a block of CBC decrypts to must not be told by when and how the connection ends (CVE-2008-5161). */
import { afterAll, describe, expect, it } from '@jest/globals';
import { isSshError } from '../../src/errors.ts';
import * as message from '../support/raw-peer/messages.ts';
import { RAW_CBC } from '../support/raw-peer/suites.ts';
import { duel, type Duel, expectAlive, ROLES } from '../support/raw-peer/subject.ts';
import { defaultProposal } from '../support/transports.ts';

/** As much as the longest packet has. */
const LONGEST = 262_144;
const proposal = { ...defaultProposal, cipher: ['aes128-cbc'] };

afterAll(expectAlive);

async function keyed(role: 'client' | 'server', suite: keyof typeof RAW_CBC): Promise<Duel> {
  const both = duel(
    { role, transport: { proposal }, transportOnly: true },
    { suite: RAW_CBC[suite] },
  );
  await both.peer.handshake();
  await both.subject.opened();
  return both;
}

/** One bit of a packet is turned. */
function damaged(packet: Buffer, at: number): Buffer {
  packet.writeUInt8(packet.readUInt8(at) ^ 0x10, at);
  return packet;
}

const FAULTS: readonly (readonly [string, (duel: Duel) => Buffer])[] = [
  ['a length of nothing', ({ peer }) => peer.seal(message.ignore('x'.repeat(100)), { length: 0 })],
  ['a length past the longest', ({ peer }) => peer.seal(message.ignore(), { length: 0x7fff_fffc })],
  ['a length off the blocks', ({ peer }) => peer.seal(message.ignore(), { length: 29 })],
  ['a changed first block', ({ peer }) => damaged(peer.seal(message.ignore()), 0)],
  ['a changed payload', ({ peer }) => damaged(peer.seal(message.ignore('x'.repeat(100))), 40)],
  [
    'changed padding',
    ({ peer }) => {
      const packet = peer.seal(message.ignore('x'.repeat(100)));
      return damaged(packet, packet.length - 33);
    },
  ],
  [
    'a changed MAC',
    ({ peer }) => {
      const packet = peer.seal(message.ignore());
      return damaged(packet, packet.length - 1);
    },
  ],
];

describe.each(ROLES)('T11: our %s', (role) => {
  it('speaks CBC with each order of encryption and MAC', async () => {
    for (const suite of ['etm', 'mac'] as const) {
      const { peer, subject } = await keyed(role, suite);
      peer.send(message.ignore('x'.repeat(1000)));
      await peer.barrier();
      subject.stop();
    }
  });

  it.each(FAULTS)('tells nothing of %s before as much has come as can', async (_, fault) => {
    const both = await keyed(role, 'mac');
    const { peer, subject } = both;
    const bytes = fault(both);
    // in pieces, as an attacker would send them
    for (let at = 0; at < bytes.length; at += 16) peer.sendBytes(bytes.subarray(at, at + 16));
    const rest = LONGEST - bytes.length;
    for (let left = rest - 1; left > 0; left -= 8192)
      peer.sendBytes(Buffer.alloc(Math.min(left, 8192)));
    await new Promise((resolve) => setImmediate(resolve));
    expect([peer.take(), peer.end, subject.errors]).toEqual([undefined, undefined, []]);
    peer.sendBytes(Buffer.alloc(1));
    const description = await peer.expectDisconnect(5);
    const error = await subject.ended();
    expect([description, error.message]).toEqual([
      'a packet does not verify',
      'a packet does not verify',
    ]);
  });

  it('ends at once where the MAC is over the ciphertext', async () => {
    const { peer, subject } = await keyed(role, 'etm');
    peer.sendBytes(damaged(peer.seal(message.ignore('x'.repeat(100))), 40));
    await peer.expectDisconnect(5);
    expect(isSshError(await subject.ended(), 'protocol')).toBe(true);
  });

  it('does not agree on CBC unless it is told to', async () => {
    const { peer } = duel({ role }, { suite: RAW_CBC.mac });
    await peer.identifyBoth();
    await peer.proposeBoth();
    await peer.expectDisconnect(3);
  });
});
