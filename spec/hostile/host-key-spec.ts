/** Rows K8 and K9: a server proves to hold its host key before anything follows, at each exchange, and keeps it. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { afterAll, describe, expect, it } from '@jest/globals';
import { NEVER, Subject as Trigger, throwError } from 'rxjs';
import { isSshError } from '../../src/errors.ts';
import { cat, str } from '../support/raw-peer/bytes.ts';
import { rawKey, rawSignature, type WrongReply } from '../support/raw-peer/kex-peer.ts';
import { settled } from '../support/raw-peer/matrix.ts';
import type { RawPeer } from '../support/raw-peer/raw-peer.ts';
import { duel, type Duel, expectAlive } from '../support/raw-peer/subject.ts';
import { defaultProposal } from '../support/transports.ts';

afterAll(expectAlive);

/** A key exchange up to the reply of the raw server. */
async function replyWith(
  { peer }: Duel,
  wrong: (peer: RawPeer) => WrongReply,
  hostKey = 'ssh-ed25519',
): Promise<void> {
  await peer.identifyBoth();
  peer.sendKexInit(peer.kexInit({ hostKey: [hostKey] }));
  await peer.readKexInit();
  await peer.readEcdhInit();
  peer.sendEcdhReply(wrong(peer));
}

/** No NEWKEYS, no service request, no word of the login. */
function expectNothingSent(peer: RawPeer): void {
  expect(peer.numbers.filter((number) => number !== 20 && number !== 30 && number !== 1)).toEqual(
    [],
  );
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const rsaBlob = ((): Buffer => {
  const { n = '', e = '' } = rsa.publicKey.export({ format: 'jwk' });
  const modulus = cat(Buffer.from([0]), Buffer.from(n, 'base64url'));
  return cat(str('ssh-rsa'), str(Buffer.from(e, 'base64url')), str(modulus));
})();

describe('K8: our client refuses', () => {
  const signature = (bytes: Buffer): Buffer => cat(str('ssh-ed25519'), str(bytes));

  it.each([
    ['a signature by another key', () => ({ signWith: rawKey() })],
    ['a signature over another hash', () => ({ hash: Buffer.alloc(32, 1) })],
    ['a signature of zeros', () => ({ signature: signature(Buffer.alloc(64)) })],
    ['an empty signature', () => ({ signature: Buffer.alloc(0) })],
    ['a signature a byte short', () => ({ signature: signature(Buffer.alloc(63, 1)) })],
    ['a signature a byte long', () => ({ signature: signature(Buffer.alloc(65, 1)) })],
    [
      'a signature of another format',
      ({ hostKey, exchangeHash }: RawPeer) => ({
        signature: cat(str('rsa-sha2-512'), str(sign(null, exchangeHash, hostKey.privateKey))),
      }),
    ],
    [
      'a right signature with a byte behind it',
      (peer: RawPeer) => ({
        signature: cat(rawSignature(peer.hostKey, peer.exchangeHash), Buffer.from([0])),
      }),
    ],
    ['another public value than was agreed on', () => ({ publicKey: Buffer.alloc(32, 9) })],
  ] as const)('%s', async (_, wrong) => {
    const situation = duel({ role: 'client' });
    await replyWith(situation, wrong);
    await situation.peer.expectDisconnect(9, 3);
    const error = await situation.subject.ended();
    expect(['protocol', 'key-format']).toContain(error.kind);
    expect(situation.subject.errors).toHaveLength(1);
    expect(situation.subject.userCode).toEqual([]);
    expectNothingSent(situation.peer);
  });

  const isRsa = { proposal: { ...defaultProposal, hostKey: ['rsa-sha2-512'] } };
  it.each([
    ['SHA-1 under rsa-sha2-512', 'ssh-rsa', 'sha1'],
    ['SHA-256 under rsa-sha2-512', 'rsa-sha2-256', 'sha256'],
    ['SHA-1 that calls itself rsa-sha2-512', 'rsa-sha2-512', 'sha1'],
  ])('%s', async (_, format, hash) => {
    const situation = duel({ role: 'client', transport: isRsa });
    await replyWith(
      situation,
      ({ exchangeHash }) => ({
        signature: cat(str(format), str(sign(hash, exchangeHash, rsa.privateKey))),
      }),
      'rsa-sha2-512',
    );
    await situation.peer.expectDisconnect(9, 3);
    expect(situation.subject.userCode).toEqual([]);
    expectNothingSent(situation.peer);
  });

  it('nothing about rsa-sha2-512 that is right', async () => {
    const situation = duel({ role: 'client', transport: isRsa });
    const { peer, subject } = situation;
    await peer.identifyBoth();
    peer.sendKexInit(peer.kexInit({ hostKey: ['rsa-sha2-512'] }));
    await peer.readKexInit();
    await peer.readEcdhInit();
    // the signature is over a hash that has the blob in it
    peer.ecdhReply({ blob: rsaBlob });
    const right = sign('sha512', peer.exchangeHash, rsa.privateKey);
    peer.send(peer.lastReply({ blob: rsaBlob, signature: cat(str('rsa-sha2-512'), str(right)) }));
    peer.sendNewKeys();
    await peer.readNewKeys();
    await subject.opened();
    expect(subject.userCode).toEqual(['verifyHostKey']);
    subject.stop();
  });

  it.each(['ecdsa-sha2-nistp256', 'rsa-sha2-512'])(
    'an ed25519 key under the name %s',
    async (name) => {
      const proposal = { ...defaultProposal, hostKey: [name] };
      const situation = duel({ role: 'client', transport: { proposal } });
      await replyWith(situation, () => ({}), name);
      await situation.peer.expectDisconnect(3);
      expect((await situation.subject.ended()).kind).toBe('protocol');
      expect(situation.subject.userCode).toEqual([]);
      expectNothingSent(situation.peer);
    },
  );

  it.each([
    ['no blob at all', Buffer.alloc(0)],
    ['a blob of another type', cat(str('ssh-unknown'), str('x'))],
    ['a blob that is cut off', cat(str('ssh-ed25519'), str(Buffer.alloc(31)))],
    [
      'a blob with a byte behind it',
      cat(str('ssh-ed25519'), str(Buffer.alloc(32, 9)), Buffer.from([0])),
    ],
    [
      'the point that verifies any message',
      cat(str('ssh-ed25519'), str(Buffer.concat([Buffer.from([1]), Buffer.alloc(31)]))),
    ],
  ])('%s', async (_, blob) => {
    const situation = duel({ role: 'client' });
    await replyWith(situation, () => ({ blob }));
    await situation.peer.expectDisconnect(3, 9);
    expect((await situation.subject.ended()).kind).toMatch(/^(protocol|key-format)$/);
    expect(situation.subject.userCode).toEqual([]);
    expectNothingSent(situation.peer);
  });
});

describe('K8: a verdict on the host key', () => {
  it('AC1: that is not there keeps everything back', async () => {
    const verdict = new Trigger<boolean>();
    const { peer, subject } = duel({ role: 'client', transport: { verifyHostKey: () => verdict } });
    await peer.identifyBoth();
    await peer.proposeBoth();
    await peer.agree();
    peer.sendBytes(peer.seal(Buffer.from([21])));
    await settled(peer);
    expect(subject.userCode).toEqual(['verifyHostKey']);
    expectNothingSent(peer);
    verdict.next(true);
    await peer.readNewKeys();
    peer.switchOutbound();
    await peer.until(5);
    subject.stop();
  });

  it.each([
    ['an error', () => throwError(() => new Error('no'))],
    ['nothing', () => []],
    [
      'an exception',
      () => {
        throw new Error('broken');
      },
    ],
  ] as const)('F7: that is %s is a refusal', async (_, verifyHostKey) => {
    const { peer, subject } = duel({ role: 'client', transport: { verifyHostKey } });
    await peer.identifyBoth();
    await peer.proposeBoth();
    await peer.agree();
    await peer.expectDisconnect(9);
    expect((await subject.ended()).kind).toBe('host-key');
    expect(subject.errors).toHaveLength(1);
    expectNothingSent(peer);
  });

  it('that is never there does not hold up a DISCONNECT of ours', async () => {
    const { peer, subject } = duel({ role: 'client', transport: { verifyHostKey: () => NEVER } });
    await peer.identifyBoth();
    await peer.proposeBoth();
    await peer.agree();
    await settled(peer);
    subject.stop();
    await peer.expectDisconnect(11);
    expectNothingSent(peer);
  });

  it('that is never there does not hide the end of the connection', async () => {
    const { peer, subject } = duel({ role: 'client', transport: { verifyHostKey: () => NEVER } });
    await peer.identifyBoth();
    await peer.proposeBoth();
    await peer.agree();
    await settled(peer);
    peer.close();
    expect((await subject.ended()).kind).toBe('connection-lost');
  });
});

describe('K9: at a rekey, our client', () => {
  it('verifies the same key again, three times', async () => {
    const { peer, subject } = duel({ role: 'client' });
    await peer.session();
    for (let round = 0; round < 3; round++) await peer.exchange();
    expect(await peer.barrier()).toEqual([]);
    expect(subject.userCode.filter((each) => each === 'verifyHostKey')).toHaveLength(4);
    subject.stop();
  });

  it('refuses another key, even where any key is trusted', async () => {
    const { peer, subject } = duel({ role: 'client' });
    await peer.session();
    await subject.connected();
    const before = [...subject.userCode];
    peer.hostKey = rawKey();
    await peer.proposeBoth();
    await peer.agree();
    await peer.expectDisconnect(9);
    const error = await subject.ended();
    expect(isSshError(error, 'host-key') && error.detail.reason).toBe('changed');
    expect(subject.errors).toHaveLength(1);
    expect(subject.userCode).toEqual(before);
    expect(peer.numbers.filter((number) => number === 21)).toHaveLength(1);
  });

  it('refuses a wrong signature by the same key', async () => {
    const { peer, subject } = duel({ role: 'client' });
    await peer.session();
    await peer.proposeBoth();
    await peer.agree({ hash: Buffer.alloc(32) });
    await peer.expectDisconnect(9);
    expect((await subject.ended()).kind).toBe('protocol');
  });

  it('takes a verifier’s later refusal', async () => {
    let asked = 0;
    const verifyHostKey = () => (asked++ === 0 ? [true] : []);
    const { peer, subject } = duel({ role: 'client', transport: { verifyHostKey } });
    await peer.session();
    await peer.proposeBoth();
    await peer.agree();
    await peer.expectDisconnect(9);
    expect((await subject.ended()).kind).toBe('host-key');
  });
});
