/** Row C21: keys that a server tells of are saved when every one of them is proven for this session, and not otherwise. */
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { firstValueFrom, of, Subject, Subscription } from 'rxjs';
import type { SshClient } from '../../src/client/client.ts';
import { connect } from '../../src/client/connect.ts';
import { joinKnownHosts, parseKnownHosts } from '../../src/keys/known-hosts.ts';
import { memoryPair } from '../../src/streams/memory-pair.ts';
import { byte, type Bytes, cat, Cursor, str } from '../support/raw-peer/bytes.ts';
import { rawKey, type RawKey, rawSignature } from '../support/raw-peer/kex-peer.ts';
import { duplexLink } from '../support/raw-peer/link.ts';
import * as message from '../support/raw-peer/messages.ts';
import { RawPeer } from '../support/raw-peer/raw-peer.ts';
import { expectAlive } from '../support/raw-peer/subject.ts';
import { Waiter } from '../support/raw-peer/waiter.ts';

const TELL = 'hostkeys-00@openssh.com';
const PROVE = 'hostkeys-prove-00@openssh.com';
const { GLOBAL_REQUEST, REQUEST_SUCCESS } = message.Msg;

let running = new Subscription();

afterEach(() => {
  running.unsubscribe();
  running = new Subscription();
});
afterAll(expectAlive);

interface Situation {
  readonly peer: RawPeer;
  readonly client: SshClient;
  /** Lines that the client has added to known_hosts. */
  readonly added: string[];
  readonly outcome: Promise<string>;
}

/** A client that knows the raw server's key, and learns the others. */
async function start(): Promise<Situation> {
  const [ours, theirs] = memoryPair();
  const peer = new RawPeer(duplexLink(theirs), { role: 'server' });
  const line = `db1 ssh-ed25519 ${peer.hostKey.blob.toString('base64')}`;
  const known = joinKnownHosts([parseKnownHosts(line, 'known_hosts')]);
  const added: string[] = [];
  const outcomes = new Subject<string>();
  const outcome = firstValueFrom(outcomes);
  let client: SshClient | undefined;
  const changes = new Waiter();
  running.add(
    connect({
      ...{ duplex: ours, host: 'db1', user: 'me', password: 'right' },
      knownHosts: { load: () => of(known), add: (text) => of(added.push(text)) },
      updateHostKeys: true,
      trace: (event) => {
        if (event.type === 'host-keys') outcomes.next(event.outcome);
      },
    }).subscribe({
      next: (emitted) => {
        client = emitted;
        changes.wake();
      },
      error: () => undefined,
    }),
  );
  await peer.session();
  return { peer, client: await changes.until('a client', () => client), added, outcome };
}

function tell(peer: RawPeer, ...blobs: readonly Bytes[]): void {
  peer.send(message.globalRequest(TELL, false, cat(...blobs.map(str))));
}

/** The keys that the client asks a proof of. */
async function asked(peer: RawPeer): Promise<Buffer[]> {
  const cursor = new Cursor((await peer.until(GLOBAL_REQUEST)).payload).skip(1);
  expect([cursor.text(), cursor.bool()]).toEqual([PROVE, true]);
  const keys = cursor.rest();
  const blobs: Buffer[] = [];
  for (let at = 0; at < keys.length; at += 4 + (blobs.at(-1)?.length ?? 0))
    blobs.push(new Cursor(keys.subarray(at)).str());
  return blobs;
}

function proof(key: RawKey, sessionId: Bytes, { purpose = PROVE, blob = key.blob } = {}): Buffer {
  return rawSignature(key, cat(str(purpose), str(sessionId), str(blob)));
}

const first = rawKey();
const second = rawKey();
const keys = [first, second];
const lines = keys.map(({ blob }) => `db1 ssh-ed25519 ${blob.toString('base64')}`);

describe('C21: our client', () => {
  it('saves keys that are proven', async () => {
    const { peer, added, outcome } = await start();
    tell(peer, peer.hostKey.blob, first.blob, second.blob);
    expect(await asked(peer)).toEqual([first.blob, second.blob]);
    const session = peer.sessionId ?? '';
    peer.send(cat(byte(REQUEST_SUCCESS), ...keys.map((key) => str(proof(key, session)))));
    expect(await outcome).toMatch(/^added/);
    expect(added).toEqual(lines);
  });

  it('saves the same after a rekey: the session stays what it was', async () => {
    const { peer, added, outcome } = await start();
    await peer.exchange();
    tell(peer, peer.hostKey.blob, first.blob);
    await asked(peer);
    peer.send(cat(byte(REQUEST_SUCCESS), str(proof(first, peer.sessionId ?? ''))));
    expect(await outcome).toMatch(/^added/);
    expect(added).toEqual(lines.slice(0, 1));
  });

  it.each<[string, (session: Buffer, peer: RawPeer) => Buffer]>([
    ['for another session', () => str(proof(second, Buffer.alloc(32, 7)))],
    ['for another purpose', (session) => str(proof(second, session, { purpose: TELL }))],
    ['by another key', (session) => str(proof(first, session, { blob: second.blob }))],
    ['over another key', (session) => str(proof(second, session, { blob: first.blob }))],
    ['that is empty', () => str('')],
    ['that is missing', () => Buffer.alloc(0)],
    ['too many', (session) => cat(str(proof(second, session)), str(proof(second, session)))],
    ['that is cut off', (session) => str(proof(second, session)).subarray(0, -1)],
    ['over the exchange hash', (_, peer) => str(rawSignature(second, peer.exchangeHash))],
  ])('saves nothing for one proof %s', async (_, wrong) => {
    const { peer, added, outcome, client } = await start();
    tell(peer, peer.hostKey.blob, first.blob, second.blob);
    await asked(peer);
    const session = peer.sessionId ?? Buffer.alloc(0);
    const right = str(proof(first, session));
    peer.send(cat(byte(REQUEST_SUCCESS), right, wrong(session, peer)));
    expect(await outcome).toMatch(/^not added/);
    expect(added).toEqual([]);
    expect(client.isClosed).toBe(false);
  });

  it('saves nothing when it is refused', async () => {
    const { peer, added, outcome } = await start();
    tell(peer, peer.hostKey.blob, first.blob);
    await asked(peer);
    peer.sendNumber(message.Msg.REQUEST_FAILURE);
    expect(await outcome).toMatch(/^not added/);
    expect(added).toEqual([]);
  });

  it.each<[string, (peer: RawPeer) => readonly Bytes[]]>([
    ['1000 keys', (peer) => [peer.hostKey.blob, ...Array<Bytes>(999).fill(first.blob)]],
    ['none', () => []],
    ['its own alone, many times', (peer) => Array<Bytes>(60).fill(peer.hostKey.blob)],
    ['all but its own', () => [first.blob, second.blob]],
    ['what is no key', (peer) => [peer.hostKey.blob, '', 'x', cat(str('ssh-ed25519'), str('x'))]],
    ['keys of unknown types', (peer) => [peer.hostKey.blob, cat(str('ssh-spec'), str('x'))]],
  ])('asks for nothing and saves nothing when it is told of %s', async (_, blobs) => {
    const { peer, added, client } = await start();
    tell(peer, ...blobs(peer));
    const numbers = (await peer.barrier()).map(({ number }) => number);
    expect(numbers).not.toContain(GLOBAL_REQUEST);
    expect(added).toEqual([]);
    expect(client.isClosed).toBe(false);
  });

  it('looks at the first announcement only', async () => {
    const { peer, added, outcome } = await start();
    tell(peer, peer.hostKey.blob, first.blob);
    await asked(peer);
    peer.send(cat(byte(REQUEST_SUCCESS), str(proof(first, peer.sessionId ?? ''))));
    await outcome;
    for (let round = 0; round < 100; round++) tell(peer, peer.hostKey.blob, second.blob);
    const numbers = (await peer.barrier()).map(({ number }) => number);
    expect(numbers).not.toContain(GLOBAL_REQUEST);
    expect(added).toEqual(lines.slice(0, 1));
  });
});
