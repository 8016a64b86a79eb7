/** Row T31: nothing of old memory gets onto the wire, and nothing that was handed out changes afterwards. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { channelDuel } from '../support/raw-peer/channels.ts';
import * as message from '../support/raw-peer/messages.ts';
import type { RawPeer } from '../support/raw-peer/raw-peer.ts';
import { rawSuite } from '../support/raw-peer/suites.ts';
import { duel, expectAlive, ROLES } from '../support/raw-peer/subject.ts';

const MARKER = 'POISONED';

/** Leaves the marker all over Node's pool and wherever the allocator has room. */
function poison(): void {
  for (const size of [16, 64, 256, 1024, 4096, 65_536, 262_144])
    for (let round = 0; round < 50; round++) Buffer.allocUnsafe(size).fill(MARKER);
  for (let round = 0; round < 2000; round++) Buffer.from(MARKER.repeat(16));
}

/** Keeps `padding_length | payload | padding` of everything that is received. */
function tap(peer: RawPeer): Buffer[] {
  const plaintexts: Buffer[] = [];
  const { inbound } = peer;
  const open = inbound.open.bind(inbound);
  Object.assign(inbound, {
    open: (sealed: Buffer, sequence: number) => {
      const plaintext = open(sealed, sequence);
      plaintexts.push(Buffer.from(plaintext));
      return plaintext;
    },
  });
  return plaintexts;
}

afterAll(expectAlive);

describe.each(ROLES)('our %s', (role) => {
  it.each(['aes128-gcm@openssh.com', 'aes256-ctr'])(
    'puts no leftovers into 10 000 packets, and random padding: %s',
    async (cipher) => {
      const suite = rawSuite(cipher, cipher === 'aes256-ctr' ? 'hmac-sha2-256' : '');
      const { peer, subject } = duel({ role }, { suite });
      await peer.session();
      await subject.connected();
      const plaintexts = tap(peer);
      for (let round = 0; round < 10; round++) {
        poison();
        for (let count = 0; count < 1000; count++)
          peer.send(
            count % 3 === 0
              ? message.open('x'.repeat(count % 40), count)
              : message.globalRequest('x'.repeat(count % 40), true),
          );
        peer.skipped.push(...(await peer.barrier()));
      }
      expect(plaintexts.length).toBe(10_010);
      const all = Buffer.concat(plaintexts);
      expect(all.includes(MARKER.slice(0, 4))).toBe(false);
      const paddings = Buffer.concat(
        plaintexts.map((plaintext) =>
          plaintext.subarray(plaintext.length - plaintext.readUInt8(0)),
        ),
      );
      const counts = new Array<number>(256).fill(0);
      for (const each of paddings) counts[each] = (counts[each] ?? 0) + 1;
      const mean = paddings.length / 256;
      expect(Math.max(...counts)).toBeLessThan(mean * 1.5);
      expect(Math.min(...counts)).toBeGreaterThan(mean * 0.5);
      subject.stop();
    },
  );

  it('never sends the same cookie or ephemeral key twice', async () => {
    const cookies = new Set<string>();
    const ephemerals = new Set<string>();
    for (let round = 0; round < 50; round++) {
      const { peer, subject } = duel({ role, transportOnly: true });
      await peer.identifyBoth();
      await peer.proposeBoth();
      cookies.add(peer.peerInit?.subarray(1, 17).toString('hex') ?? '');
      if (role === 'server') peer.sendEcdhInit();
      const { payload } = await peer.until(role === 'server' ? 31 : 30);
      const at = role === 'server' ? 5 + payload.readUInt32BE(1) + 4 : 5;
      ephemerals.add(payload.subarray(at, at + 32).toString('hex'));
      subject.stop();
    }
    expect([cookies.size, ephemerals.size]).toEqual([50, 50]);
  });

  it('hands out chunks that nothing touches afterwards', async () => {
    const { peer, subject, channel, raw } = await channelDuel({ role });
    const chunks: Uint8Array[] = [];
    channel.stdout$.subscribe({ next: (chunk) => chunks.push(chunk), error: () => undefined });
    for (let count = 0; count < 1001; count++)
      peer.send(message.data(raw.peer, Buffer.alloc(1000, count & 0xff)));
    await peer.barrier();
    expect(chunks.length).toBe(1001);
    const changed = chunks.filter((chunk, at) => chunk.some((each) => each !== (at & 0xff)));
    expect(changed).toEqual([]);
    subject.stop();
  });
});
