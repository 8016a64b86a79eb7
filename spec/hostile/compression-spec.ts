/** Row T28: what is small and inflates to something large, and compression that begins too early, too late or wrongly. */
import { deflateSync } from 'node:zlib';
import { afterAll, describe, expect, it } from '@jest/globals';
import { isSshError } from '../../src/errors.ts';
import { proposalOf } from '../../src/transport/proposal.ts';
import { inflateFrom, Zip } from '../support/raw-peer/compression.ts';
import * as message from '../support/raw-peer/messages.ts';
import { rawSuite } from '../support/raw-peer/suites.ts';
import { duel, type Duel, expectAlive, ROLES } from '../support/raw-peer/subject.ts';
import { defaultProposal } from '../support/transports.ts';

const MIB = 1024 * 1024;
const COMPRESSION_ERROR = 6;
const DELAYED = 'zlib@openssh.com';

afterAll(expectAlive);

/** A duel in which both have this, and new keys are there. */
async function keyed(role: 'client' | 'server', compression: string): Promise<Duel> {
  const transport = { proposal: { ...defaultProposal, compression: [compression] } };
  const isDelayed = compression === DELAYED;
  const both = duel({ role, transport, transportOnly: !isDelayed });
  const { peer } = both;
  await peer.identifyBoth();
  peer.sendKexInit(peer.kexInit({ compression: [compression] }));
  await peer.exchange();
  if (!isDelayed) {
    inflateFrom(peer);
    await both.subject.opened();
  }
  return both;
}

async function expectCompressionError({ peer, subject }: Duel): Promise<void> {
  await peer.expectDisconnect(COMPRESSION_ERROR);
  const error = await subject.ended();
  expect(isSshError(error, 'protocol') && error.detail.disconnectReason).toBe(COMPRESSION_ERROR);
}

it('T28: nothing is compressed by default', () => {
  expect(proposalOf().compression).toEqual(['none']);
});

describe.each(ROLES)('T28: our %s', (role) => {
  it.each(['zlib', DELAYED])('does not agree on %s unless it is told to', async (compression) => {
    const { peer, subject } = duel({ role });
    await peer.identifyBoth();
    peer.sendKexInit(peer.kexInit({ compression: [compression] }));
    await peer.expectDisconnect(3);
    expect((await subject.ended()).kind).toBe('key-exchange');
  });

  it('ends at 30 KiB that are 30 MiB, in bounded memory', async () => {
    const both = await keyed(role, 'zlib');
    const bomb = new Zip().pack(message.ignore('\0'.repeat(30 * MIB)));
    expect(bomb.length).toBeLessThan(32 * 1024);
    const before = process.memoryUsage().arrayBuffers;
    both.peer.send(bomb);
    await expectCompressionError(both);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MIB);
  });

  it('ends at the first byte past the longest packet that it takes', async () => {
    const both = await keyed(role, 'zlib');
    const zip = new Zip();
    // the number and a length stand in front
    both.peer.send(zip.pack(message.ignore('x'.repeat(35_000 - 6))));
    await both.peer.barrierOf((payload) => zip.pack(payload));
    both.peer.send(zip.pack(message.ignore('x'.repeat(35_000 - 5))));
    await expectCompressionError(both);
  });

  it.each<[string, Buffer]>([
    ['nothing, compressed', new Zip().pack(new Uint8Array(0))],
    ['nothing at all', Buffer.alloc(1)],
    ['what is no zlib', Buffer.alloc(100, 0xff)],
    ['a stream that ends', deflateSync(message.ignore('over'))],
  ])('ends at %s', async (_, payload) => {
    const both = await keyed(role, 'zlib');
    both.peer.send(payload);
    await expectCompressionError(both);
  });

  it('begins a new stream with new keys', async () => {
    const both = await keyed(role, 'zlib');
    const { peer } = both;
    const first = new Zip();
    peer.send(first.pack(message.ignore('one')));
    const init = peer.kexInit({ compression: ['zlib'] });
    const { send } = peer;
    // under the old keys everything is of the first stream
    peer.send = (payload, malformed) => send.call(peer, first.pack(payload), malformed);
    peer.sendKexInit(init);
    await peer.exchange();
    peer.send = send;
    inflateFrom(peer);
    const second = new Zip();
    await peer.barrierOf((payload) => second.pack(payload));
    // a second header in one stream is no zlib
    peer.send(new Zip().pack(message.ignore('two')));
    await expectCompressionError(both);
  });

  it(`compresses under ${DELAYED} what comes behind USERAUTH_SUCCESS, and nothing before`, async () => {
    const { peer, subject } = await keyed(role, DELAYED);
    if (role === 'client') await peer.acceptLogin();
    else await peer.login();
    inflateFrom(peer);
    await subject.connected();
    const zip = new Zip();
    // more than fits into a packet before the login
    peer.send(zip.pack(message.ignore('x'.repeat(200_000))));
    await peer.barrierOf((payload) => zip.pack(payload));
    subject.stop();
  });

  it('is the same beside a MAC over the plaintext', async () => {
    const suite = rawSuite('aes256-ctr', 'hmac-sha2-256');
    const transport = { proposal: { ...defaultProposal, compression: ['zlib'] } };
    const { peer, subject } = duel({ role, transport, transportOnly: true }, { suite });
    await peer.identifyBoth();
    peer.sendKexInit(peer.kexInit({ compression: ['zlib'] }));
    await peer.exchange();
    inflateFrom(peer);
    const zip = new Zip();
    await peer.barrierOf((payload) => zip.pack(payload));
    subject.stop();
  });
});
