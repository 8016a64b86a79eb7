/** Rows AC1 to AC12: a server that wants more of our client than it should have, or for longer. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import { from, NEVER, of, Subject } from 'rxjs';
import type { ClientAuthOptions, InteractiveQuestion } from '../../src/auth/client-options.ts';
import { generatePrivateKey, PrivateKey } from '../../src/keys/private-key.ts';
import type { Signer } from '../../src/keys/signer.ts';
import { byte, cat, Cursor, str, u32 } from '../support/raw-peer/bytes.ts';
import { settled } from '../support/raw-peer/matrix.ts';
import { memoryInUse } from '../support/memory.ts';
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

describe('AC1: before the host key is trusted', () => {
  it('nothing of the login is said, and a refusal says goodbye', async () => {
    const verdict = new Subject<boolean>();
    const { peer, subject } = duel({ role: 'client', transport: { verifyHostKey: () => verdict } });
    await peer.identifyBoth();
    await peer.proposeBoth();
    await peer.agree();
    peer.sendNewKeys();
    await settled(peer);
    expect(peer.numbers).toEqual([Msg.KEXINIT, Msg.ECDH_INIT]);
    verdict.error(new Error('not this one'));
    await peer.expectDisconnect(9);
    expect((await subject.ended()).kind).toBe('host-key');
    expect(peer.numbers).toEqual([Msg.KEXINIT, Msg.ECDH_INIT, Msg.DISCONNECT]);
  });
});

describe('AC2: a success that nobody has asked for', () => {
  it('ends the connection before SERVICE_ACCEPT', async () => {
    const { peer, subject } = duel({ role: 'client' });
    await peer.handshake();
    await peer.until(Msg.SERVICE_REQUEST);
    peer.send(message.authSuccess());
    await peer.expectDisconnect(2);
    expect((await subject.ended()).kind).toBe('protocol');
    expect(subject.connection).toBeUndefined();
  });

  it('ends the connection before any request', async () => {
    const { peer, subject } = await served({ methods: ['password'], password: () => NEVER });
    await settled(peer);
    peer.send(message.authSuccess());
    await peer.expectDisconnect(2);
    expect((await subject.ended()).kind).toBe('protocol');
    expect(subject.connection).toBeUndefined();
  });
});

describe('AC3: a server that asks for nothing', () => {
  const NONE = { methods: ['none', 'password'], password: (): never => neverAsked() };

  it('logs in by none, and says so; nobody is asked', async () => {
    const { peer, subject } = await served(NONE);
    expect((await readRequest(peer)).method).toBe('none');
    peer.send(message.authSuccess());
    await subject.connected();
    expect(peer.numbers.filter((number) => number === Msg.AUTH_REQUEST)).toHaveLength(1);
  });

  it('is refused where that is wanted', async () => {
    const { peer, subject } = await served({ ...NONE, refuseNone: true });
    expect((await readRequest(peer)).method).toBe('none');
    peer.send(message.authSuccess());
    const error = await subject.ended();
    expect(error).toMatchObject({ kind: 'auth', detail: { attempts: [{ method: 'none' }] } });
    expect(subject.connection).toBeUndefined();
  });

  const question = (prompts: number): Buffer =>
    cat(
      byte(60),
      str(''),
      str(''),
      str(''),
      u32(prompts),
      ...(prompts === 0 ? [] : [str('?'), byte(0)]),
    );
  const INTERACTIVE = {
    ...{ methods: ['keyboard-interactive'], refuseNone: true },
    keyboardInteractive: ({ prompts }: InteractiveQuestion) => prompts.map(() => 'an answer'),
  };

  it.each<[string, (peer: RawPeer) => unknown]>([
    ['to keyboard-interactive', () => undefined],
    [
      'behind a question without a prompt',
      async (peer) => {
        peer.send(question(0));
        await peer.until(Msg.INFO_RESPONSE);
      },
    ],
  ])('is refused where that is wanted, %s, too', async (_when, ask) => {
    const { peer, subject } = await served(INTERACTIVE);
    expect((await readRequest(peer)).method).toBe('keyboard-interactive');
    await ask(peer);
    peer.send(message.authSuccess());
    expect((await subject.ended()).kind).toBe('auth');
    expect(subject.connection).toBeUndefined();
  });

  it('is refused where that is wanted, to a question about a key, too', async () => {
    const identities = of(asking(ed25519));
    const { peer, subject } = await served({
      methods: ['publickey'],
      identities,
      refuseNone: true,
    });
    expect((await readRequest(peer)).signed).toBe(false);
    peer.send(message.authSuccess());
    expect((await subject.ended()).kind).toBe('auth');
  });

  it('is not meant where something was asked, or proven before', async () => {
    const answered = await served(INTERACTIVE);
    await readRequest(answered.peer);
    answered.peer.send(question(1));
    await answered.peer.until(Msg.INFO_RESPONSE);
    answered.peer.send(message.authSuccess());
    await answered.subject.connected();
    const second = await served({
      ...INTERACTIVE,
      ...{ methods: ['publickey', 'keyboard-interactive'], identities: of(ed25519) },
    });
    await readRequest(second.peer);
    second.peer.send(message.authFailure(true, 'keyboard-interactive'));
    await readRequest(second.peer);
    second.peer.send(message.authSuccess());
    await second.subject.connected();
  });

  it('cannot ask without a prompt for ever', async () => {
    let asked = 0;
    const keyboardInteractive = (): readonly string[] => {
      asked++;
      return [];
    };
    const { peer, subject } = await served({
      methods: ['keyboard-interactive'],
      keyboardInteractive,
    });
    await readRequest(peer);
    for (let round = 0; subject.errors.length === 0 && round < 200; round++) {
      peer.send(question(0));
      await settled(peer);
    }
    const error = await subject.ended();
    expect(error.kind).toBe('auth');
    expect(error.message).toMatch(/^authentication failed for \w+: 64 requests without an end$/);
    expect(asked).toBeLessThanOrEqual(64);
  });
});

describe('AC4: PK_OK', () => {
  const other = generatePrivateKey('ed25519');
  it.each<[string, (request: RawRequest) => Buffer]>([
    ['another key', () => cat(byte(60), str('ssh-ed25519'), str(other.publicKey.blob))],
    ['another algorithm', ({ blob }) => cat(byte(60), str('rsa-sha2-256'), str(blob))],
    ['half a key', ({ blob }) => cat(byte(60), str('ssh-ed25519'), str(blob.subarray(0, -1)))],
  ])('for %s gets no signature', async (_what, answer) => {
    const signer = { ...asking(ed25519), sign: (): never => neverAsked() };
    const { peer, subject } = await served({ methods: ['publickey'], identities: of(signer) });
    peer.send(answer(await readRequest(peer)));
    await peer.expectDisconnect(2);
    expect((await subject.ended()).kind).toBe('protocol');
  });

  it('twice gets one signature', async () => {
    const { peer, subject } = await served({
      ...{ methods: ['publickey'], identities: of(asking(ed25519)) },
    });
    const { blob } = await readRequest(peer);
    const ok = cat(byte(60), str('ssh-ed25519'), str(blob));
    peer.send(ok);
    expect((await readRequest(peer)).signed).toBe(true);
    peer.send(ok);
    await peer.expectDisconnect(2);
    expect((await subject.ended()).kind).toBe('protocol');
  });
});

describe('AC5: a server that always wants more', () => {
  it.each([true, false])('gets a bounded number of requests (partial: %p)', async (partial) => {
    const identities = (): PrivateKey[] =>
      Array.from({ length: 100 }, () => generatePrivateKey('ed25519'));
    const { peer, subject } = await served({ methods: ['publickey', 'password'], identities });
    let requests = 0;
    while (subject.errors.length === 0) {
      for (const { payload } of await settled(peer)) {
        if (payload[0] !== Msg.AUTH_REQUEST) continue;
        requests++;
        peer.send(message.authFailure(partial, 'publickey'));
      }
    }
    expect((await subject.ended()).kind).toBe('auth');
    expect(requests).toBeLessThanOrEqual(64);
  });

  it('of a password is told it once', async () => {
    const { peer, subject } = await served({ methods: ['password'], password: 'right' });
    await readRequest(peer);
    peer.send(message.authFailure(true, 'password'));
    expect((await subject.ended()).kind).toBe('auth');
    expect(peer.numbers.filter((number) => number === Msg.AUTH_REQUEST)).toHaveLength(1);
  });
});

describe('AC6: a question of keyboard-interactive', () => {
  it.each([0xffffffff, 65, 0x10000])(
    'with %d prompts in a few bytes is not read',
    async (count) => {
      const { peer, subject } = await served({
        methods: ['keyboard-interactive'],
        keyboardInteractive: () => neverAsked(),
      });
      await readRequest(peer);
      const before = await memoryInUse();
      peer.send(cat(byte(60), str('x'), str(''), str(''), u32(count), Buffer.alloc(24)));
      await peer.expectDisconnect(2);
      expect((await subject.ended()).kind).toBe('protocol');
      expect((await memoryInUse()) - before).toBeLessThan(1024 * 1024);
    },
  );
});

describe('AC7: banners', () => {
  it('without end are passed on in part, as they came', async () => {
    const seen: string[] = [];
    const banner = (text: string): void => void seen.push(text);
    const { peer, subject } = await served({ methods: ['password'], banner });
    await readRequest(peer);
    const before = await memoryInUse();
    const text = `\u001b]0;x\u0007\r${'y'.repeat(9000)}`;
    for (let count = 0; count < 1e4; count++) peer.send(cat(byte(53), str(text), str('')));
    await settled(peer);
    peer.send(message.authSuccess());
    await subject.connected();
    expect(seen).toEqual(Array.from({ length: 64 }, () => text.slice(0, 8192)));
    // what the raw peer has kept of its own is its own
    peer.written.length = 0;
    expect((await memoryInUse()) - before).toBeLessThan(2 * 1024 * 1024);
  });
});

describe('AC12: a password that has to be changed', () => {
  const change = cat(byte(60), str('too old'), str(''));

  it('is asked for, and goes with the old one', async () => {
    const asked: unknown[] = [];
    const changePassword = (question: unknown): string => {
      asked.push(question);
      return 'fresh';
    };
    const { peer, subject } = await served({
      methods: ['password'],
      password: 'old',
      changePassword,
    });
    expect(await readPassword(peer)).toEqual([false, 'old']);
    peer.send(change);
    expect(await readPassword(peer)).toEqual([true, 'old', 'fresh']);
    peer.send(message.authSuccess());
    await subject.connected();
    expect(asked).toEqual([{ user: 'me', prompt: 'too old', languageTag: '' }]);
  });

  it('is not sent again where nobody can be asked', async () => {
    const { peer, subject } = await served({ methods: ['password'], password: () => 'old' });
    expect(await readPassword(peer)).toEqual([false, 'old']);
    peer.send(change);
    expect((await subject.ended()).kind).toBe('auth');
    expect(peer.numbers.filter((number) => number === Msg.AUTH_REQUEST)).toHaveLength(1);
  });
});

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

describe('K15: an RSA signature with a fault in it', () => {
  it('is never on the wire, whoever has made it', async () => {
    const faulty: Signer = {
      ...asking(rsaKey),
      isImmediate: true,
      sign: async (data, algorithm) => {
        const signature = (await rsaKey.sign(data, algorithm)).slice();
        signature[signature.length - 9]! ^= 1;
        return signature;
      },
    };
    const identities = from([faulty, ed25519]);
    const { peer, subject } = await served({ methods: ['publickey'], identities });
    // the next key is
    expect((await readRequest(peer)).algorithm).toBe('ssh-ed25519');
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

/** Whether it is a change, and the passwords. */
async function readPassword(peer: RawPeer): Promise<readonly unknown[]> {
  const cursor = new Cursor((await peer.until(Msg.AUTH_REQUEST)).payload).skip(1);
  for (const expected of ['me', 'ssh-connection', 'password']) expect(cursor.text()).toBe(expected);
  const isChange = cursor.bool();
  return [isChange, cursor.text(), ...(isChange ? [cursor.text()] : [])];
}

function neverAsked(): never {
  throw new Error('nobody was to be asked');
}

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
