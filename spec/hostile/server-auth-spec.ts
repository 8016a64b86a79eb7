/** Rows AS1 to AS12, AS14, AS15, AS22 and AS23: a client that wants in without being let in, against our server's authentication. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { delay, EMPTY, expand, ignoreElements, map, NEVER, of, Subject, throwError } from 'rxjs';
import { authenticationMethods } from '../../src/auth/authentication-methods.ts';
import type { AuthAttemptInfo, AuthDecision, AuthPolicy } from '../../src/auth/policy.ts';
import type { ServerAuthOptions } from '../../src/auth/server-options.ts';
import { equalBytes } from '../../src/wire/bytes.ts';
import { bool, byte, type Bytes, cat, Cursor, str, u32 } from '../support/raw-peer/bytes.ts';
import { type RawKey, rawKey, rawSignature } from '../support/raw-peer/kex-peer.ts';
import { settled } from '../support/raw-peer/matrix.ts';
import * as message from '../support/raw-peer/messages.ts';
import type { RawPeer } from '../support/raw-peer/raw-peer.ts';
import { duel, type Duel, expectAlive } from '../support/raw-peer/subject.ts';

const { Msg } = message;
const INFO_REQUEST = 60;

afterAll(expectAlive);

/** Our server, and a raw client that has the keys and nothing else. */
async function keyed(serverAuth: Partial<ServerAuthOptions> = {}): Promise<Duel> {
  const ours = duel({ role: 'server', serverAuth: { allowNone: false, ...serverAuth } });
  await ours.peer.handshake();
  return ours;
}

/** The same with the service that logs users in. */
async function served(serverAuth: Partial<ServerAuthOptions> = {}): Promise<Duel> {
  const ours = await keyed(serverAuth);
  await ours.peer.requestService();
  return ours;
}

/** Numbers of the messages that come in answer to these payloads, sent at once. */
async function answers(peer: RawPeer, ...payloads: readonly Buffer[]): Promise<readonly number[]> {
  for (const payload of payloads) peer.send(payload);
  return (await settled(peer)).map(({ payload }) => payload[0] ?? -1);
}

/** One after the other. */
async function inTurn(peer: RawPeer, ...payloads: readonly Buffer[]): Promise<readonly number[]> {
  const numbers: number[] = [];
  for (const payload of payloads) numbers.push(...(await answers(peer, payload)));
  return numbers;
}

const question = (key: RawKey, user = 'me'): Buffer =>
  cat(message.authRequest(user, 'publickey'), bool(false), str('ssh-ed25519'), str(key.blob));

/** A signed request, of which any part can be another than what was signed. */
function signed(
  { sessionId }: RawPeer,
  key: RawKey,
  wrong: {
    readonly sessionId?: Bytes;
    readonly user?: string;
    readonly service?: string;
    readonly algorithm?: string;
    readonly blob?: Bytes;
    readonly signature?: (signature: Buffer) => Buffer;
  } = {},
): Buffer {
  const request = (user: string, service: string, algorithm: string, blob: Bytes): Buffer =>
    cat(
      ...[byte(50), str(user), str(service), str('publickey'), bool(true)],
      ...[str(algorithm), str(blob)],
    );
  const { user = 'me', service = 'ssh-connection', algorithm = 'ssh-ed25519' } = wrong;
  const data = cat(
    str(wrong.sessionId ?? sessionId ?? ''),
    request(user, service, algorithm, key.blob),
  );
  const { signature = (same: Buffer) => same } = wrong;
  const sent = request('me', 'ssh-connection', 'ssh-ed25519', wrong.blob ?? key.blob);
  return cat(sent, str(signature(rawSignature(key, data))));
}

const interactive = (user = 'me'): Buffer =>
  message.authRequest(user, 'keyboard-interactive', str(''), str(''));
const responses = (...texts: readonly string[]): Buffer =>
  cat(byte(61), u32(texts.length), ...texts.map(str));
const open = message.open('session', 0);
const exec = message.request(0, 'exec', true, str('touch /tmp/pwn'));

const isKey =
  (key: RawKey): AuthPolicy =>
  (attempt) =>
    attempt.method === 'publickey' && equalBytes(attempt.publicKey.blob, key.blob);

describe('AS1: channels before the login', () => {
  const asked = (subject: Duel['subject']): readonly string[] =>
    subject.userCode.filter((name) => !name.startsWith('authenticate'));

  it.each<[string, Partial<ServerAuthOptions>, (peer: RawPeer) => Promise<unknown>]>([
    ['before the service', {}, async () => undefined],
    ['behind the service', {}, (peer) => peer.requestService()],
    [
      'while the policy decides',
      { authenticate: () => NEVER },
      async (peer) => {
        await peer.requestService();
        peer.send(message.password('right'));
      },
    ],
    [
      'while a question is open',
      {
        methods: ['keyboard-interactive'],
        authenticate: (attempt) =>
          attempt.method === 'keyboard-interactive' && attempt.ask({}).pipe(map(() => true)),
      },
      async (peer) => {
        await peer.requestService();
        peer.send(interactive());
        await peer.until(INFO_REQUEST);
      },
    ],
    [
      'after a failure',
      {},
      async (peer) => {
        await peer.requestService();
        peer.send(message.password('wrong'));
        await peer.until(Msg.AUTH_FAILURE);
      },
    ],
    [
      'after a partial success',
      { authenticate: () => ({ partial: true, methodsLeft: ['publickey'] }) },
      async (peer) => {
        await peer.requestService();
        peer.send(message.password('right'));
        await peer.until(Msg.AUTH_FAILURE);
      },
    ],
  ])('%s end the connection', async (_when, options, prepare) => {
    const { peer, subject } = await keyed(options);
    await prepare(peer);
    peer.send(open);
    peer.send(exec);
    await peer.expectDisconnect(2);
    expect(asked(subject)).toEqual([]);
  });

  it('in plain text, before any key, end the connection', async () => {
    const { peer, subject } = duel({ role: 'server' });
    await peer.identifyBoth();
    peer.send(open);
    peer.send(exec);
    await peer.expectDisconnect(2);
    expect(subject.userCode).toEqual([]);
  });
});

describe("AS2: a server's messages from a client", () => {
  it.each([6, 31, 33, 51, 52, 53, 60, 99])('%p ends the connection', async (number) => {
    for (const connect of [keyed, served]) {
      const { peer, subject } = await connect();
      peer.send(byte(number));
      peer.send(open);
      await peer.expectDisconnect(2);
      expect(subject.userCode).toEqual([]);
    }
  });
});

describe('AS3: a service that was not asked for', () => {
  it('USERAUTH_REQUEST before SERVICE_REQUEST ends the connection', async () => {
    const { peer, subject } = await keyed();
    peer.send(message.password('right'));
    await peer.expectDisconnect(2);
    expect(subject.userCode).toEqual([]);
  });

  it.each(['ssh-connection', '', 'ssh-userauth2'])('%j is not there yet', async (name) => {
    const { peer } = await keyed();
    peer.send(message.serviceRequest(name));
    await peer.expectDisconnect(7);
  });

  it.each(['ssh-connection\0', '', 'ssh-userauth', 'ssh-connection2'])(
    'no login for %j',
    async (service) => {
      const { peer, subject } = await served();
      const login = cat(
        byte(50),
        str('me'),
        str(service),
        str('password'),
        bool(false),
        str('right'),
      );
      peer.send(login);
      await peer.expectDisconnect(2, 7);
      expect(subject.userCode).toEqual([]);
    },
  );
});

describe('AS4: messages that race the verdict', () => {
  it('log in whom the verdict was about, and nobody else', async () => {
    const asked: string[] = [];
    const verdict = new Subject<AuthDecision>();
    const { peer, subject } = await served({
      authenticate: ({ user }) => {
        asked.push(user);
        return verdict;
      },
    });
    expect(await answers(peer, message.password('x', 'a'), message.password('x', 'b'))).toEqual([]);
    expect(asked).toEqual(['a']);
    verdict.next(true);
    await peer.until(Msg.AUTH_SUCCESS);
    const connection = await subject.connected();
    expect(connection).toBeDefined();
    // what waited was for a login that is over
    expect(asked).toEqual(['a']);
    expect(await answers(peer)).toEqual([]);
  });

  it('open no channel when the verdict is a refusal', async () => {
    const { peer, subject } = await served({ authenticate: () => of(false).pipe(delay(5)) });
    peer.send(message.password('x'));
    peer.send(open);
    await peer.expectDisconnect(2);
    expect(subject.userCode).toEqual(['authenticate password me']);
  });
});

describe('AS5: another user', () => {
  it('has nothing of what the first has succeeded with', async () => {
    const { peer, subject } = await served({
      authenticate: ({ method }) =>
        method === 'publickey' ? { partial: true, methodsLeft: ['password'] } : true,
    });
    const key = rawKey();
    expect(await answers(peer, signed(peer, key))).toEqual([Msg.AUTH_FAILURE]);
    peer.send(message.password('x', 'root'));
    await peer.expectDisconnect(2);
    expect(subject.userCode).toEqual(['authenticate publickey me']);
  });
});

describe('AS6: a chain of publickey and password', () => {
  const key = rawKey();
  const other = rawKey();
  const chain = authenticationMethods(['publickey,password'], (attempt) =>
    attempt.method === 'password' ? attempt.password === 'right' : isKey(key)(attempt),
  );
  const right = message.password('right');

  it.each<[string, (peer: RawPeer) => readonly Buffer[]]>([
    ['the password twice', () => [right, right]],
    ['the key twice', (peer) => [signed(peer, key), signed(peer, key)]],
    ['the key, and a question about it', (peer) => [signed(peer, key), question(key)]],
    ['the password, then the key', (peer) => [right, signed(peer, key)]],
    ['another key, then the password', (peer) => [signed(peer, other), right]],
    ['a question about the key, then the password', () => [question(key), right]],
    ['the key, then no password', (peer) => [signed(peer, key), message.password('')]],
    ['the key, then none', (peer) => [signed(peer, key), message.none()]],
  ])('is not %s', async (_what, tries) => {
    const { peer } = await served(chain);
    const numbers = await inTurn(peer, ...tries(peer));
    expect(numbers).toHaveLength(2);
    expect(numbers).not.toContain(Msg.AUTH_SUCCESS);
  });

  it('is both, in their order', async () => {
    const { peer } = await served(chain);
    const numbers = await inTurn(peer, signed(peer, key), message.password('wrong'), right);
    expect(numbers).toEqual([Msg.AUTH_FAILURE, Msg.AUTH_FAILURE, Msg.AUTH_SUCCESS]);
  });
});

describe('AS7: a question about a key', () => {
  const admin = rawKey();
  const guest = rawKey();

  it('logs nobody in, however often it is asked', async () => {
    const { peer, subject } = await served({ authenticate: isKey(admin) });
    const numbers = await inTurn(peer, question(admin), question(admin), question(guest));
    expect(numbers).toEqual([Msg.PK_OK, Msg.PK_OK, Msg.AUTH_FAILURE]);
    expect(subject.connection).toBeUndefined();
  });

  it('is forgotten: who is in is whose signature was verified', async () => {
    const seen: AuthAttemptInfo[] = [];
    const { peer } = await served({
      authenticate: (attempt) => {
        seen.push(attempt);
        return attempt.method === 'publickey';
      },
    });
    const numbers = await inTurn(peer, question(admin), question(guest), signed(peer, guest));
    expect(numbers).toEqual([Msg.PK_OK, Msg.PK_OK, Msg.AUTH_SUCCESS]);
    const last = seen.at(-1);
    expect(last).toMatchObject({ method: 'publickey', signed: true });
    expect(last?.method === 'publickey' && equalBytes(last.publicKey.blob, guest.blob)).toBe(true);
  });

  it('AS8: about one key does not help another', async () => {
    const { peer } = await served({ authenticate: isKey(admin) });
    const numbers = await inTurn(peer, question(admin), signed(peer, guest));
    expect(numbers).toEqual([Msg.PK_OK, Msg.AUTH_FAILURE]);
  });
});

describe('AS9: a signature', () => {
  const key = rawKey();
  const other = rawKey();

  it.each<[string, Parameters<typeof signed>[2]]>([
    ['of another session', { sessionId: Buffer.alloc(32, 7) }],
    ['for another user', { user: 'root' }],
    ['for another service', { service: 'ssh-agent' }],
    ['under another algorithm', { algorithm: 'rsa-sha2-256' }],
    ['by another key', { blob: other.blob }],
    ['that is empty', { signature: () => Buffer.alloc(0) }],
    ['that is cut off', { signature: (whole) => whole.subarray(0, -1) }],
    [
      'with a bit turned',
      {
        signature: (whole) => Buffer.concat([whole.subarray(0, -1), byte((whole.at(-1) ?? 0) ^ 1)]),
      },
    ],
    [
      'in the name of another format',
      { signature: (whole) => cat(str('rsa-sha2-256'), whole.subarray(15)) },
    ],
  ])('%s is refused, counted, and nobody is asked', async (_what, wrong) => {
    const { peer, subject } = await served({ maxFailures: 2 });
    expect(await answers(peer, signed(peer, key, wrong))).toEqual([Msg.AUTH_FAILURE]);
    peer.send(signed(peer, key, wrong));
    await peer.expectDisconnect(14);
    expect(subject.userCode).toEqual([]);
  });

  it('of the last session does not open the next', async () => {
    const before = await served();
    const replayed = signed(before.peer, key);
    expect(await answers(before.peer, replayed)).toEqual([Msg.AUTH_SUCCESS]);
    const { peer } = await served();
    expect(await answers(peer, replayed)).toEqual([Msg.AUTH_FAILURE]);
  });
});

describe('AS10: requests after the login', () => {
  it('are passed over in silence, behind new keys too', async () => {
    const { peer, subject } = await served();
    expect(await answers(peer, message.password('right'))).toEqual([Msg.AUTH_SUCCESS]);
    const before = [...subject.userCode];
    const more = Array.from({ length: 10 }, () => message.password('right', 'root'));
    expect(await answers(peer, ...more)).toEqual([]);
    await peer.exchange();
    expect(await answers(peer, ...more)).toEqual([]);
    expect(subject.userCode).toEqual(before);
  });
});

describe('AS11: which users there are', () => {
  it.each<[string, (user: string) => Buffer]>([
    [
      'a malformed key',
      (user) =>
        cat(message.authRequest(user, 'publickey'), bool(false), str('ssh-ed25519'), str('x')),
    ],
    ['a key that is not known', (user) => question(rawKey(), user)],
    ['a wrong password', (user) => message.password('wrong', user)],
    ['a method that is not there', (user) => message.authRequest(user, 'hostbased')],
  ])('%s does not tell', async (_what, request) => {
    const replies: Buffer[] = [];
    for (const user of ['real', 'nobody']) {
      const { peer } = await served({
        authenticate: (attempt) => attempt.user === 'real' && false,
      });
      peer.send(request(user));
      replies.push((await peer.until(Msg.AUTH_FAILURE)).payload);
    }
    expect(replies[0]).toEqual(replies[1]);
  });

  /** Milliseconds by which the median answer about a real user is later, whose password takes `WORK` to compare. */
  async function difference(failureDelay: number, tries: number): Promise<number> {
    const times = { real: [] as number[], nobody: [] as number[] };
    const { peer } = await served({
      ...{ failureDelay, maxFailures: 1000, maxRequests: 1000 },
      authenticate: ({ user }) => (user === 'real' ? of(false).pipe(delay(WORK)) : false),
    });
    for (let count = 0; count < tries; count++) {
      for (const user of ['real', 'nobody'] as const) {
        const began = performance.now();
        peer.send(message.password('wrong', user));
        await peer.until(Msg.AUTH_FAILURE);
        times[user].push(performance.now() - began);
      }
    }
    return Math.abs(median(times.real) - median(times.nobody));
  }

  const WORK = 10;
  /** The time of an answer is anywhere between one delay and two: half of that, over the root of the tries, is noise. */
  const NOTICED = WORK / 2;

  it('shows in the time without a delay of failures, so this can be measured', async () => {
    expect(await difference(0, 15)).toBeGreaterThan(NOTICED);
  });

  it('does not show in the time with one', async () => {
    let least = Infinity;
    // noise can look like a difference, a difference does not look like noise three times
    for (let round = 0; round < 3 && least > NOTICED; round++)
      least = Math.min(least, await difference(2 * WORK, 40));
    expect(least).toBeLessThan(NOTICED);
  }, 30_000);
});

describe('AS12: tries', () => {
  it('end at the sixth failure', async () => {
    const { peer } = await served();
    peer.send(message.none());
    await peer.until(Msg.AUTH_FAILURE);
    for (let count = 0; count < 5; count++) {
      peer.send(message.password('wrong'));
      await peer.until(Msg.AUTH_FAILURE);
    }
    peer.send(message.password('wrong'));
    await peer.expectDisconnect(14);
  });

  it.each<[string, (key: RawKey) => Buffer, number]>([
    ['questions about keys', (key) => question(key), Msg.PK_OK],
    ['service requests', () => message.serviceRequest(), Msg.SERVICE_ACCEPT],
  ])('of any kind end somewhere: %s', async (_what, request, reply) => {
    const { peer } = await served();
    const key = rawKey();
    for (let count = 0; count < 64; count++) {
      peer.send(request(key));
      await peer.until(reply);
    }
    peer.send(request(key));
    await peer.expectDisconnect(14);
  });

  it('of rounds of questions end somewhere', async () => {
    const { peer } = await served({
      methods: ['keyboard-interactive'],
      authenticate: (attempt) =>
        attempt.method === 'keyboard-interactive' &&
        attempt.ask({}).pipe(
          expand(() => attempt.ask({})),
          ignoreElements(),
        ),
    });
    peer.send(interactive());
    await peer.until(INFO_REQUEST);
    for (let count = 1; count < 64; count++) {
      peer.send(responses());
      await peer.until(INFO_REQUEST);
    }
    peer.send(responses());
    await peer.expectDisconnect(14);
  });

  it('that are abandoned count too', async () => {
    const { peer } = await served({
      methods: ['keyboard-interactive'],
      authenticate: (attempt) =>
        attempt.method === 'keyboard-interactive' && attempt.ask({}).pipe(map(() => true)),
    });
    for (let count = 0; count < 6; count++) {
      peer.send(interactive());
      await peer.until(INFO_REQUEST);
    }
    peer.send(interactive());
    await peer.expectDisconnect(14);
  });
});

describe('AS14: sizes and names', () => {
  it.each<[string, Buffer]>([
    ['a password of 30 KiB', message.password('x'.repeat(30 * 1024))],
    ['a password of 1025 bytes', message.password('x'.repeat(1025))],
    ['a user with NUL', message.password('right', 'a\0b')],
    ['a user that is a path', message.password('right', '../x')],
    ['a user of two lines', message.password('right', 'a\nb')],
    ['a user of 256 bytes', message.password('right', 'x'.repeat(256))],
    ['no user', message.password('right', '')],
  ])('%s fails, and nobody is asked', async (_what, request) => {
    const { peer, subject } = await served();
    expect(await answers(peer, request)).toEqual([Msg.AUTH_FAILURE]);
    expect(subject.userCode).toEqual([]);
  });

  it('a password of 200 KiB is no packet that there is before a login', async () => {
    const { peer, subject } = await served();
    peer.send(message.password('x'.repeat(200 * 1024)));
    await peer.expectDisconnect(2, 5);
    expect(subject.userCode).toEqual([]);
  });
});

describe('AS15: USERAUTH_INFO_RESPONSE', () => {
  const answered: string[][] = [];
  const options: Partial<ServerAuthOptions> = {
    methods: ['keyboard-interactive', 'password'],
    authenticate: (attempt) =>
      attempt.method === 'keyboard-interactive' &&
      attempt.ask({ prompts: [{ prompt: 'a' }, { prompt: 'b' }] }).pipe(
        map((texts) => {
          answered.push([...texts]);
          return true;
        }),
      ),
  };
  const withCount = (count: number, ...texts: readonly string[]): Buffer =>
    cat(byte(61), u32(count), ...texts.map(str));

  it('asks with the fields of RFC 4256', async () => {
    const { peer } = await served(options);
    peer.send(interactive());
    const cursor = new Cursor((await peer.until(INFO_REQUEST)).payload).skip(1);
    expect([cursor.text(), cursor.text(), cursor.text(), cursor.u32()]).toEqual(['', '', '', 2]);
    expect([cursor.text(), cursor.byte(), cursor.text(), cursor.byte()]).toEqual(['a', 0, 'b', 0]);
    expect(await answers(peer, responses('1', '2'))).toEqual([Msg.AUTH_SUCCESS]);
    expect(answered).toEqual([['1', '2']]);
  });

  it.each<[string, Buffer]>([
    ['one too few', responses('1')],
    ['one too many', responses('1', '2', '3')],
    ['none', responses()],
  ])('with %s is a failure that tells the policy nothing', async (_what, response) => {
    answered.length = 0;
    const { peer } = await served(options);
    peer.send(interactive());
    await peer.until(INFO_REQUEST);
    expect(await answers(peer, response)).toEqual([Msg.AUTH_FAILURE]);
    expect(answered).toEqual([]);
    expect(await answers(peer, message.password('x'))).toEqual([Msg.AUTH_FAILURE]);
  });

  it.each<[string, Buffer]>([
    ['a count of 2^32-1', withCount(0xffff_ffff, '1', '2')],
    ['a count past its end', withCount(3, '1', '2')],
    ['bytes behind it', cat(responses('1', '2'), byte(0))],
    ['a text that is not UTF-8', cat(byte(61), u32(2), str(Buffer.from([0xff])), str('2'))],
    ['no count', byte(61)],
  ])('with %s ends the connection', async (_what, response) => {
    answered.length = 0;
    const { peer } = await served(options);
    peer.send(interactive());
    await peer.until(INFO_REQUEST);
    peer.send(response);
    await peer.expectDisconnect(2);
    expect(answered).toEqual([]);
  });

  it.each<[string, readonly Buffer[]]>([
    ['before any request', []],
    ['after a failure', [message.password('wrong')]],
  ])('%s ends the connection', async (_when, requests) => {
    const { peer } = await served(options);
    await inTurn(peer, ...requests);
    peer.send(responses('1', '2'));
    await peer.expectDisconnect(2);
  });

  it('after the login ends the connection, and reaches nobody', async () => {
    const { peer, subject } = await served();
    expect(await answers(peer, message.password('right'))).toEqual([Msg.AUTH_SUCCESS]);
    const before = [...subject.userCode];
    peer.send(responses());
    await peer.expectDisconnect(2);
    expect(subject.userCode).toEqual(before);
  });
});

describe('AS22: nothing for a credential', () => {
  it.each<[string, Buffer]>([
    ['none', message.none()],
    ['none with data', message.authRequest('me', 'none', str('x'))],
    ['an empty password', message.password('')],
    ['an empty method', message.authRequest('me', '')],
    ['a method that is NUL', message.authRequest('me', '\0')],
    ['hostbased', message.authRequest('me', 'hostbased', str('x'))],
    ['keyboard-interactive that is not offered', interactive()],
  ])('%s is refused, and nobody is asked', async (_what, request) => {
    const { peer, subject } = await served({ authenticate: () => true });
    peer.send(request);
    const numbers = (await settled(peer)).map(({ payload }) => payload[0]);
    expect([Msg.AUTH_FAILURE, Msg.DISCONNECT]).toContain(numbers[0]);
    expect(subject.userCode).toEqual([]);
  });
});

describe('AS23: a policy that does not say yes', () => {
  it.each<[string, () => unknown]>([
    ["emits 'false'", () => of('false')],
    ['emits 1', () => of(1)],
    ['emits an empty object', () => of({})],
    ['completes', () => EMPTY],
    ['errors', () => throwError(() => new Error('database down'))],
    ['rejects', () => Promise.reject(new Error('database down'))],
    ['emits false and then true', () => of(false, true)],
    [
      'throws',
      () => {
        throw new Error('bug');
      },
    ],
  ])('because it %s, denies', async (_what, decide) => {
    const { peer, subject } = await served({ authenticate: decide as AuthPolicy });
    expect(await answers(peer, message.password('right'))).toEqual([Msg.AUTH_FAILURE]);
    expect(subject.connection).toBeUndefined();
  });

  it('because it never says anything, denies at the grace time, and is called off', async () => {
    const never = new Subject<AuthDecision>();
    const { peer } = await served({ loginGraceTime: 40, authenticate: () => never });
    peer.send(message.password('right'));
    await peer.expectDisconnect(2, 11);
    expect(never.observed).toBe(false);
  });
});

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
