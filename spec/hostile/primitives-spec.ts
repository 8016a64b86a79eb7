/** Rows K15 to K17: no faulty RSA signature leaves, nothing ephemeral is used twice, and a primitive that fails ends the connection before anything leaves in the clear. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { defaultProvider } from '#crypto';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { generateRsaKey } from '../../src/keys/private-key.ts';
import type { Signer } from '../../src/keys/signer.ts';
import { memoryPair } from '../../src/streams/memory-pair.ts';
import { Cursor } from '../support/raw-peer/bytes.ts';
import { duplexLink } from '../support/raw-peer/link.ts';
import { Msg } from '../support/raw-peer/messages.ts';
import { RawPeer } from '../support/raw-peer/raw-peer.ts';
import { duel, expectAlive, ROLES, Subject } from '../support/raw-peer/subject.ts';
import { rawSuite, type SuiteRow } from '../support/raw-peer/suites.ts';
import { defaultProposal } from '../support/transports.ts';

afterAll(expectAlive);

describe.each(ROLES)('K16: our %s', (role) => {
  it('has a cookie and a public value of its own for each of 500 connections', async () => {
    const seen = new Set<string>();
    const proposal = { ...defaultProposal, kex: ['curve25519-sha256'] };
    for (let count = 0; count < 500; count++) {
      const { peer, subject } = duel({ role, transport: { proposal } });
      await peer.identifyBoth();
      await peer.proposeBoth();
      seen.add((peer.peerInit ?? Buffer.alloc(0)).subarray(1, 17).toString('hex'));
      if (role === 'server') peer.sendEcdhInit();
      const number = role === 'client' ? Msg.ECDH_INIT : Msg.ECDH_REPLY;
      const cursor = new Cursor((await peer.until(number)).payload).skip(1);
      if (role === 'server') cursor.str();
      seen.add(cursor.str().toString('hex'));
      subject.stop();
    }
    expect(seen.size).toBe(1000);
  }, 60_000);
});

describe('K15: our server, whose RSA host key makes a faulty signature', () => {
  it('keeps it to itself, and the connection is over', async () => {
    const key = await generateRsaKey();
    const faulty: Signer = {
      ...{ publicKey: key.publicKey, algorithms: key.algorithms },
      sign: async (data, algorithm) => {
        const signature = (await key.sign(data, algorithm)).slice();
        signature[signature.length - 9]! ^= 1;
        return signature;
      },
    };
    const proposal = { ...defaultProposal, kex: ['curve25519-sha256'], hostKey: ['rsa-sha2-512'] };
    const { peer, subject } = duel({ role: 'server', transport: { proposal, hostKeys: [faulty] } });
    await peer.identifyBoth();
    peer.sendKexInit(peer.kexInit({ hostKey: ['rsa-sha2-512'] }));
    await peer.readKexInit();
    peer.sendEcdhInit();
    expect((await subject.ended()).message).toContain('does not verify');
    await peer.until(Msg.DISCONNECT);
    expect(peer.numbers).toEqual([Msg.KEXINIT, Msg.DISCONNECT]);
  });
});

type Break = (provider: CryptoProvider) => Partial<CryptoProvider>;
type Row = readonly [what: string, broken: Break, suite?: SuiteRow];

const CTR = rawSuite('aes256-ctr', 'hmac-sha2-256');
const CHACHA = rawSuite('chacha20-poly1305@openssh.com');

const fail = (): never => {
  throw new RangeError('the primitive is broken');
};

const BROKEN: readonly Row[] = [
  ['hash throws', () => ({ hash: fail })],
  ['hash is short', (real) => ({ hash: (name, parts) => real.hash(name, parts).subarray(0, 3) })],
  ['hash is empty', () => ({ hash: () => new Uint8Array(0) })],
  ['randomBytes throws', () => ({ randomBytes: fail })],
  ['x25519 throws', () => ({ x25519: fail })],
  [
    'x25519 throws at the secret',
    (real) => ({ x25519: () => ({ ...agreement(real), agree: fail }) }),
  ],
  [
    'x25519 has an empty secret',
    (real) => ({ x25519: () => ({ ...agreement(real), agree: () => new Uint8Array(0) }) }),
  ],
  [
    'x25519 has another secret',
    (real) => ({ x25519: () => ({ ...agreement(real), agree: () => new Uint8Array(32).fill(1) }) }),
  ],
  ['ed25519Verify throws', () => ({ ed25519Verify: fail })],
  ['ed25519Verify says no', () => ({ ed25519Verify: () => false })],
  ['ed25519Verify says nothing', () => ({ ed25519Verify: () => undefined as unknown as boolean })],
  ['aesGcm throws', () => ({ aesGcm: fail })],
  ['aesGcm does not seal', (real) => ({ aesGcm: (key) => ({ ...gcm(real, key), seal: fail }) })],
  ['aesGcm does not open', (real) => ({ aesGcm: (key) => ({ ...gcm(real, key), open: fail }) })],
  ['aesCtr throws', () => ({ aesCtr: fail }), CTR],
  ['aesCtr throws at a packet', () => ({ aesCtr: () => fail }), CTR],
  ['aesCtr is short', () => ({ aesCtr: () => () => new Uint8Array(3) }), CTR],
  ['hmac throws', () => ({ hmac: fail }), CTR],
  ['hmac throws at a packet', () => ({ hmac: () => fail }), CTR],
  ['hmac is empty', () => ({ hmac: () => () => new Uint8Array(0) }), CTR],
  ['chacha20 throws', () => ({ chacha20: fail }), CHACHA],
  ['chacha20 throws at a packet', () => ({ chacha20: () => fail }), CHACHA],
  ['chacha20 is short', () => ({ chacha20: () => () => new Uint8Array(3) }), CHACHA],
  ['poly1305 throws', () => ({ poly1305: fail }), CHACHA],
  ['poly1305 is empty', () => ({ poly1305: () => new Uint8Array(0) }), CHACHA],
];

function agreement(real: CryptoProvider): ReturnType<CryptoProvider['x25519']> {
  const key = real.x25519();
  return { publicKey: key.publicKey, agree: (publicKey) => key.agree(publicKey) };
}

function gcm(real: CryptoProvider, key: Uint8Array): ReturnType<CryptoProvider['aesGcm']> {
  const cipher = real.aesGcm(key);
  return {
    seal: (...args) => cipher.seal(...args),
    open: (...args) => cipher.open(...args),
  };
}

describe('K17: our client, when', () => {
  it.each(BROKEN.map(([what, broken, suite]) => ({ what, broken, suite })))(
    '$what',
    async ({ what, broken, suite }) => {
      const provider = Object.assign(Object.create(defaultProvider) as CryptoProvider, {
        ...broken(defaultProvider),
      });
      const proposal = { ...defaultProposal, kex: ['curve25519-sha256'] };
      const [ours, theirs] = memoryPair();
      const link = duplexLink(theirs);
      const heard: Buffer[] = [];
      const start: typeof link.start = (received, ended) => {
        const listen = (chunk: Buffer): void => {
          heard.push(Buffer.from(chunk));
          received(chunk);
        };
        link.start(listen, ended);
      };
      const peer = new RawPeer(
        { ...link, start },
        { role: 'server', ...(suite === undefined ? {} : { suite }) },
      );
      const subject = new Subject(ours, { role: 'client', transport: { provider, proposal } });
      const other = (async (): Promise<void> => {
        await peer.handshake();
        await peer.acceptLogin();
      })().catch(() => peer.close());
      await subject.when('its end', () => subject.errors[0]);
      await other;
      expect(subject.errors).toHaveLength(1);
      expect(subject.connection).toBeUndefined();
      // nothing of the login in the clear, and no key that was not verified
      const clear = Buffer.concat(heard);
      expect(clear.includes('ssh-userauth')).toBe(false);
      expect(clear.includes('SSH-2.0-')).toBe(clear.length > 0);
      expect(peer.numbers.filter((number) => number >= 50)).toEqual([]);
      if (what.startsWith('ed25519')) expect(subject.userCode).toEqual([]);
    },
  );
});
