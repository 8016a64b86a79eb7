/** Row T3: the same bytes in other pieces are the same session. A recorded peer is replayed against an end without chance. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { defaultProvider } from '#crypto';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { generatePrivateKey } from '../../src/keys/private-key.ts';
import { memoryPair } from '../../src/streams/memory-pair.ts';
import type { TraceEvent } from '../../src/streams/trace.ts';
import { str } from '../support/raw-peer/bytes.ts';
import { rawKey } from '../support/raw-peer/kex-peer.ts';
import { duplexLink } from '../support/raw-peer/link.ts';
import * as message from '../support/raw-peer/messages.ts';
import { type RawPeer } from '../support/raw-peer/raw-peer.ts';
import { RAW_SUITES, suiteName, type SuiteRow } from '../support/raw-peer/suites.ts';
import { duel, ROLES, Subject, type SubjectOptions } from '../support/raw-peer/subject.ts';

const { Msg } = message;
const hostKey = generatePrivateKey('ed25519');
const peerHostKey = rawKey();

/** Cryptography whose chance is the same each time. */
function repeatable(): CryptoProvider {
  let drawn = 0;
  return {
    ...defaultProvider,
    x25519: () => defaultProvider.x25519(new Uint8Array(32).fill(0x42)),
    randomBytes: (length) => {
      const blocks: Buffer[] = [];
      for (let at = 0; at < length; at += 32)
        blocks.push(createHash('sha256').update(String(drawn++)).digest());
      return Uint8Array.from(Buffer.concat(blocks).subarray(0, length));
    },
  };
}

interface Observed {
  /** Messages that came in, in order, and then how it ended. */
  readonly events: string[];
  /** What the application has read. */
  read: string;
}

function optionsOf(role: 'client' | 'server', observed: Observed): SubjectOptions {
  const trace = (event: TraceEvent): void => {
    if (event.type === 'packet' && event.direction === 'in')
      observed.events.push(`${event.sequenceNumber} ${event.message} ${event.bytes}`);
    if (event.type === 'debug') observed.events.push(event.message);
  };
  return {
    role,
    transport: { provider: repeatable(), hostKeys: [hostKey], trace },
    session: (channel) => {
      channel.stdout$.subscribe({
        next: (chunk) => (observed.read += Buffer.from(chunk).toString()),
        error: () => (observed.read += '!'),
        complete: () => (observed.read += '.'),
      });
    },
  };
}

/** A session of the raw peer: every layer, and a rekey in the middle. */
async function play(peer: RawPeer): Promise<void> {
  await peer.session();
  if (peer.role === 'client') {
    const { peer: id } = await peer.openChannel();
    peer.send(message.request(id, 'exec', true, str('command')));
    await peer.until(Msg.SUCCESS);
    peer.send(message.data(id, 'before '));
    await peer.exchange();
    peer.send(message.data(id, 'after'));
    peer.send(message.extendedData(id, 1, 'error'));
    peer.send(message.eof(id));
    peer.send(message.close(id));
    await peer.until(Msg.CLOSE);
  } else {
    peer.send(message.globalRequest('hello@spec', true));
    await peer.until(Msg.REQUEST_FAILURE);
    await peer.exchange();
  }
  peer.send(message.debug('almost over'));
  peer.send(message.disconnect(11, 'bye'));
  await peer.expectEnd();
}

async function record(
  role: 'client' | 'server',
  suite: SuiteRow,
): Promise<{ readonly bytes: Buffer; readonly observed: Observed }> {
  const observed: Observed = { events: [], read: '' };
  const raw = { suite, ephemeral: new Uint8Array(32).fill(0x77), hostKey: peerHostKey };
  const { peer, subject } = duel(optionsOf(role, observed), raw);
  await play(peer);
  observed.events.push((await subject.ended()).message, ...subject.userCode);
  return { bytes: Buffer.concat(peer.written), observed };
}

/** The recorded bytes in these pieces, whatever our end answers. */
async function replay(role: 'client' | 'server', pieces: readonly Buffer[]): Promise<Observed> {
  const observed: Observed = { events: [], read: '' };
  const [ours, theirs] = memoryPair();
  const subject = new Subject(ours, optionsOf(role, observed));
  const link = duplexLink(theirs);
  // answers are not read: the keys for them are another peer's
  link.start(
    () => undefined,
    () => undefined,
  );
  for (const piece of pieces) link.write(piece);
  observed.events.push((await subject.ended()).message, ...subject.userCode);
  return observed;
}

describe.each(ROLES)('T3: a session with our %s', (role) => {
  it.each(RAW_SUITES.map((suite) => [suiteName(suite), suite] as const))(
    'is the same in one piece, in two, and byte by byte: %s',
    async (_, suite) => {
      const { bytes, observed } = await record(role, suite);
      expect(observed.events.length).toBeGreaterThan(10);
      expect(observed.read).toBe(role === 'server' ? 'before after.' : '');
      expect(await replay(role, [bytes])).toEqual(observed);
      expect(
        await replay(
          role,
          Array.from(bytes, (each) => Buffer.from([each])),
        ),
      ).toEqual(observed);
      // every byte for one suite; for the others some, as only their framing differs
      const step = suite === RAW_SUITES[0] ? 1 : 23;
      for (let at = 1; at < bytes.length; at += step)
        expect(await replay(role, [bytes.subarray(0, at), bytes.subarray(at)])).toEqual(observed);
    },
    60_000,
  );

  it.each([2, 3, 5, 7, 16, 17, 100, 1000])('is the same in pieces of %d bytes', async (size) => {
    const [suite] = RAW_SUITES;
    if (suite === undefined) throw new Error('no suite');
    const { bytes, observed } = await record(role, suite);
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
    expect(await replay(role, pieces)).toEqual(observed);
  });
});
