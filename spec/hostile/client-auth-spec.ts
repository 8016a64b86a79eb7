/** Rows AC1 to AC12: a server that wants more of our client than it should have, or for longer. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import { from, of } from 'rxjs';
import type { ClientAuthOptions } from '../../src/auth/client-options.ts';
import { generatePrivateKey, PrivateKey } from '../../src/keys/private-key.ts';
import type { Signer } from '../../src/keys/signer.ts';
import { byte, cat, Cursor, str } from '../support/raw-peer/bytes.ts';
import * as message from '../support/raw-peer/messages.ts';
import type { RawPeer } from '../support/raw-peer/raw-peer.ts';
import { duel, type Duel, expectAlive } from '../support/raw-peer/subject.ts';

const { Msg } = message;

afterAll(expectAlive);

const ed25519 = generatePrivateKey('ed25519');
const { rsaKey, rsaPublic } = makeRsaKey();

/** Our client with these credentials, and a raw server that has the keys and has granted the service. */
async function served(clientAuth: Partial<ClientAuthOptions>): Promise<Duel> {
  const ours = duel({ role: 'client', clientAuth });
  await ours.peer.handshake();
  await ours.peer.acceptService();
  return ours;
}

/** A request for publickey, taken apart by a codec of its own. */
interface RawRequest {
  readonly method: string;
  readonly signed: boolean;
  readonly algorithm: string;
  readonly blob: Buffer;
  readonly signature: Buffer | undefined;
  /** What the signature has to be over. */
  readonly data: Buffer;
}

async function readRequest(peer: RawPeer): Promise<RawRequest> {
  const { payload } = await peer.until(Msg.AUTH_REQUEST);
  const cursor = new Cursor(payload).skip(1);
  cursor.str();
  cursor.str();
  const method = cursor.text();
  if (method !== 'publickey')
    return {
      ...{ method, signed: false, algorithm: '', blob: payload, data: payload },
      signature: undefined,
    };
  const signed = cursor.byte() === 1;
  const [algorithm, blob] = [cursor.text(), cursor.str()];
  const signature = signed ? cursor.str() : undefined;
  const length = payload.length - (signature === undefined ? 0 : signature.length + 4);
  const data = cat(str(peer.sessionId ?? ''), payload.subarray(0, length));
  return { method, signed, algorithm, blob, signature, data };
}

describe('AC8: a server without server-sig-algs', () => {
  it.each([
    ['rsa-sha2-256', 'sha256', ['rsa-sha2-256']],
    ['rsa-sha2-512', 'sha512', ['rsa-sha2-256', 'rsa-sha2-512']],
  ])('that takes %s only is signed to with it, in the end', async (accepted, hash, expected) => {
    const identities = from([asking(rsaKey), ed25519]);
    const { peer, subject } = await served({ identities, methods: ['publickey'] });
    const tried: string[] = [];
    for (;;) {
      const request = await readRequest(peer);
      if (request.algorithm.startsWith('rsa')) tried.push(request.algorithm);
      if (request.algorithm !== accepted) peer.send(message.authFailure(false, 'publickey'));
      else if (!request.signed)
        peer.send(cat(byte(Msg.PK_OK), str(request.algorithm), str(request.blob)));
      else {
        const inner = new Cursor(request.signature ?? Buffer.alloc(0));
        expect(inner.text()).toBe(accepted);
        expect(verify(hash, request.data, rsaPublic, inner.str())).toBe(true);
        break;
      }
    }
    peer.send(message.authSuccess());
    await subject.connected();
    expect(tried).toEqual([...expected, accepted]);
  });

  it('is never signed to with SHA-1, and the login says what was tried', async () => {
    const sha1 = { ...asking(rsaKey), algorithms: ['ssh-rsa', 'rsa-sha2-512', 'rsa-sha2-256'] };
    const { peer, subject } = await served({ identities: of(sha1), methods: ['publickey'] });
    for (const algorithm of ['rsa-sha2-256', 'rsa-sha2-512']) {
      expect((await readRequest(peer)).algorithm).toBe(algorithm);
      peer.send(message.authFailure(false, 'publickey'));
    }
    const error = await subject.ended();
    expect(error.kind).toBe('auth');
    expect(error.message).toMatch(/rejected; publickey ssh-rsa \S+ with rsa-sha2-512 rejected; /);
  });

  it('does not see a key again that it has taken in part', async () => {
    const identities = of(asking(rsaKey));
    const { peer, subject } = await served({ identities, methods: ['publickey'] });
    const { algorithm, blob } = await readRequest(peer);
    peer.send(cat(byte(Msg.PK_OK), str(algorithm), str(blob)));
    expect((await readRequest(peer)).signed).toBe(true);
    peer.send(message.authFailure(true, 'publickey'));
    expect((await subject.ended()).kind).toBe('auth');
  });
});

describe('a method that is tried on a guess, and is wanted later', () => {
  const wanted: readonly (readonly [string, Partial<ClientAuthOptions>])[] = [
    ['publickey', { identities: of(ed25519) }],
    ['hostbased', { hostbased: { hostKeys: of(ed25519), clientHost: 'a', localUser: 'b' } }],
    ['keyboard-interactive', { keyboardInteractive: () => [] }],
  ];
  it.each(wanted)('is tried again: %s', async (method, credentials) => {
    const { peer, subject } = await served({
      ...credentials,
      methods: [method, 'password'],
      password: 'right',
    });
    expect((await readRequest(peer)).method).toBe(method);
    peer.send(message.authFailure(false, 'password'));
    expect((await readRequest(peer)).method).toBe('password');
    peer.send(message.authFailure(true, method));
    expect((await readRequest(peer)).method).toBe(method);
    peer.send(message.authSuccess());
    await subject.connected();
  });

  it('is tried again: password', async () => {
    const { peer, subject } = await served({
      ...{ identities: of(ed25519), password: 'right', methods: ['password', 'publickey'] },
    });
    expect((await readRequest(peer)).method).toBe('password');
    peer.send(message.authFailure(false, 'publickey'));
    expect((await readRequest(peer)).method).toBe('publickey');
    peer.send(message.authFailure(true, 'password'));
    expect((await readRequest(peer)).method).toBe('password');
    peer.send(message.authSuccess());
    await subject.connected();
  });
});

describe('AC11: many keys', () => {
  it('are each tried once before any RSA key is tried with its other algorithm', async () => {
    const others = Array.from({ length: 3 }, () => generatePrivateKey('ed25519'));
    const identities = [of(asking(rsaKey)), () => others.map(asking)];
    const { peer, subject } = await served({ identities, methods: ['publickey'] });
    const tried: string[] = [];
    for (let count = 0; count < 5; count++) {
      tried.push((await readRequest(peer)).algorithm);
      peer.send(message.authFailure(false, 'publickey'));
    }
    await subject.ended();
    expect(tried).toEqual(['rsa-sha2-256', ...others.map(() => 'ssh-ed25519'), 'rsa-sha2-512']);
  });
});

/** As a key in an agent is: the server is asked first whether it would take it. */
function asking(key: PrivateKey): Signer {
  return {
    ...{ publicKey: key.publicKey, algorithms: key.algorithms },
    sign: (data, algorithm) => key.sign(data, algorithm),
  };
}

function makeRsaKey(): { readonly rsaKey: PrivateKey; readonly rsaPublic: KeyObject } {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = privateKey.export({ format: 'jwk' });
  const number = (text = ''): bigint =>
    BigInt(`0x${Buffer.from(text, 'base64url').toString('hex')}`);
  const { n, e, d, p, q, qi } = jwk;
  const key = new PrivateKey({
    ...{ kind: 'rsa', n: number(n), e: number(e), d: number(d) },
    ...{ p: number(p), q: number(q), iqmp: number(qi) },
  });
  return { rsaKey: key, rsaPublic: publicKey };
}
