/** The client's side against a server whose messages are written by hand. */
import { describe, expect, it } from '@jest/globals';
import { EMPTY, lastValueFrom, NEVER, Observable, of, throwError, timer } from 'rxjs';
import { authenticateClient } from '../../src/auth/client.ts';
import type { UserauthRequest } from '../../src/auth/server-method.ts';
import { serverSigAlgs } from '../../src/auth/signature-choice.ts';
import { signedData } from '../../src/auth/signed-data.ts';
import { isSshError } from '../../src/errors.ts';
import { generatePrivateKey, generateRsaKey } from '../../src/keys/private-key.ts';
import { verifySignature } from '../../src/keys/signature-algorithms.ts';
import type { Signer } from '../../src/keys/signer.ts';
import type { Message } from '../../src/messages/catalogue.ts';
import { passwordData, publicKeyData } from '../../src/messages/userauth.ts';
import { Reader } from '../../src/wire/reader.ts';
import { Writer } from '../../src/wire/writer.ts';
import { type Answer, type Outcome, pause, until, withRawServer } from './logins.ts';

const key = generatePrivateKey('ed25519');
const otherKey = generatePrivateKey('ed25519');

const SUCCESS: Message = { type: 'USERAUTH_SUCCESS' };
const CHANGE: Message = { type: 'USERAUTH_PASSWD_CHANGEREQ', prompt: 'expired', languageTag: '' };

function failure(methods: string, partialSuccess = false): Message {
  return { type: 'USERAUTH_FAILURE', methodsThatCanContinue: methods.split(','), partialSuccess };
}

function pkOk({ methodData }: UserauthRequest, blob?: Uint8Array, name?: string): Message {
  const { algorithm, publicKey } = publicKeyData.decode(methodData);
  return { type: 'USERAUTH_PK_OK', algorithm: name ?? algorithm, publicKey: blob ?? publicKey };
}

/** A server that offers methods and answers one of them by hand. */
function offering(methods: string, answer: Answer): Answer {
  return (request, count) =>
    request.methodName === 'none' ? [failure(methods)] : answer(request, count - 1);
}

function textOf({ methodData }: UserauthRequest): string {
  const { change, password, rest } = passwordData.decode(methodData);
  return change ? `${password} to ${new Reader(rest).utf8()}` : password;
}

function isSigned({ methodData }: UserauthRequest): boolean {
  return publicKeyData.decode(methodData).signed;
}

/** A signer that is only ever asked what it can do. */
function rsaSigner(sign: Signer['sign']): Signer {
  const blob = new Writer().utf8('ssh-rsa').mpint(65537n).mpint(1n).bytes();
  return {
    publicKey: { type: 'ssh-rsa', blob, material: { kind: 'rsa', n: 1n, e: 65537n } },
    algorithms: ['rsa-sha2-512', 'rsa-sha2-256'],
    sign,
  };
}

function messageOf(outcomes: readonly Outcome<unknown>[]): string {
  const [outcome] = outcomes;
  return outcome !== undefined && 'error' in outcome ? outcome.error.message : '';
}

describe('a server that breaks the protocol', () => {
  it.each<[string, Answer]>([
    [
      'sends SUCCESS behind PK_OK, before a signature',
      offering('publickey', (r) => [pkOk(r), SUCCESS]),
    ],
    [
      'sends PK_OK for another key',
      offering('publickey', (r) => [pkOk(r, otherKey.publicKey.blob)]),
    ],
    [
      'sends PK_OK for another algorithm',
      offering('publickey', (r) => [pkOk(r, undefined, 'rsa-sha2-256')]),
    ],
    ['sends PK_OK twice', offering('publickey', (r) => [pkOk(r), pkOk(r)])],
    ['sends a message of no method', () => [CHANGE]],
    ['answers a signature with PK_OK', offering('publickey', (r) => [pkOk(r)])],
    ['opens a channel', () => [{ type: 'CHANNEL_CLOSE', recipientChannel: 0 }]],
    [
      'sends a request of its own',
      () => [
        {
          ...{ type: 'USERAUTH_REQUEST', userName: '', serviceName: '', methodName: 'none' },
          methodData: new Uint8Array(0),
        },
      ],
    ],
  ])('%s', async (_name, answer) => {
    let signatures = 0;
    const signer: Signer = {
      ...{ publicKey: key.publicKey, algorithms: key.algorithms },
      sign: (data, algorithm) => {
        signatures++;
        return key.sign(data, algorithm);
      },
    };
    await withRawServer({ user: 'me', identities: () => [signer] }, answer, async (server) => {
      await until(() => server.client.length > 0);
      expect(server.client).toMatchObject([
        { error: { kind: 'protocol', detail: { disconnectReason: 2 } } },
      ]);
      expect(signatures).toBeLessThanOrEqual(1);
      await until(() => server.ended.length > 0);
      expect(server.ended).toMatchObject([{ kind: 'disconnect', detail: { reasonCode: 2 } }]);
    });
  });

  it.each<[string, Message]>([
    ['SUCCESS', SUCCESS],
    ['FAILURE', failure('password')],
  ])('sends %s before SERVICE_ACCEPT', async (_name, message) => {
    const run = withRawServer(
      { user: 'me', password: 'x' },
      () => [],
      async (server) => {
        await until(() => server.client.length > 0);
        expect(server.client).toMatchObject([{ error: { kind: 'protocol' } }]);
        expect(server.requests).toEqual([]);
      },
      {},
      [message],
    );
    await run;
  });

  it('never sees a signature for a key that it was not asked about', async () => {
    let isAsked = false;
    const signer: Signer = {
      ...{ publicKey: key.publicKey, algorithms: key.algorithms },
      sign: () => {
        isAsked = true;
        return new Uint8Array(0);
      },
    };
    const answer = offering('publickey', (request) => [pkOk(request, otherKey.publicKey.blob)]);
    await withRawServer({ user: 'me', identities: () => [signer] }, answer, async (server) => {
      await until(() => server.client.length > 0);
      expect(isAsked).toBe(false);
    });
  });

  it('wants more for ever: the client gives up', async () => {
    const identities = () => Array.from({ length: 200 }, () => generatePrivateKey('ed25519'));
    const answer = offering('publickey', () => [failure('publickey', true)]);
    await withRawServer({ user: 'me', identities }, answer, async (server) => {
      await until(() => server.client.length > 0);
      expect(server.client).toMatchObject([{ error: { kind: 'auth' } }]);
      expect(server.requests.length).toBeLessThanOrEqual(64);
    });
  });

  it('says nothing: the client waits no longer than it is told to', async () => {
    await withRawServer(
      { user: 'me', timeout: 30 },
      () => [],
      async (server) => {
        await until(() => server.client.length > 0);
        expect(server.client).toMatchObject([
          { error: { kind: 'timeout', detail: { phase: 'authentication', milliseconds: 30 } } },
        ]);
      },
    );
  });

  it('floods with banners: a bounded part gets through, and the deadline holds', async () => {
    const seen: string[] = [];
    const banner: Message = {
      type: 'USERAUTH_BANNER',
      message: '\u001b]0;x\u0007'.repeat(1700),
      languageTag: '',
    };
    const options = { user: 'me', timeout: 50, banner: (text: string) => seen.push(text) };
    const answer: Answer = () => Array.from({ length: 200 }, () => banner);
    await withRawServer(options, answer, async (server) => {
      await until(() => server.client.length > 0);
      expect(server.client).toMatchObject([{ error: { kind: 'timeout' } }]);
      expect(seen).toHaveLength(64);
      expect(Math.max(...seen.map((text) => text.length))).toBe(8192);
    });
  });
});

describe('publickey', () => {
  it.each([
    ['asks about a key that has to be unlocked, then signs for this session', false, [false, true]],
    ['signs at once with a key that asks nobody', true, [true]],
  ])('%s', async (_name, isImmediate, signed) => {
    const signer: Signer = {
      publicKey: key.publicKey,
      algorithms: key.algorithms,
      isImmediate,
      sign: (data, algorithm) => key.sign(data, algorithm),
    };
    const answer = offering('publickey', (request) => [
      isSigned(request) ? SUCCESS : pkOk(request),
    ]);
    await withRawServer({ user: 'me', identities: () => [signer] }, answer, async (server) => {
      await until(() => server.client.length > 0);
      expect(server.client).toMatchObject([{ value: { method: 'publickey' } }]);
      const requests = server.requests.slice(1);
      expect(requests.map(isSigned)).toEqual(signed);
      const { algorithm, publicKey, rest } = publicKeyData.decode(requests.at(-1)!.methodData);
      const data = signedData(server.transport.handshake.sessionId, {
        ...{ userName: 'me', serviceName: 'ssh-connection', algorithm, publicKey },
      });
      const signature = new Reader(rest).string();
      expect(verifySignature(algorithm, key.publicKey, data, signature)).toBe(true);
    });
  });

  it("takes the key's type for the algorithm in PK_OK, as npm ssh2 sends it", async () => {
    const rsa = await generateRsaKey();
    const signer: Signer = {
      ...{ publicKey: rsa.publicKey, algorithms: rsa.algorithms },
      sign: (data, algorithm) => rsa.sign(data, algorithm),
    };
    const answer = offering('publickey', (r) => [
      isSigned(r) ? SUCCESS : pkOk(r, undefined, 'ssh-rsa'),
    ]);
    await withRawServer({ user: 'me', identities: () => [signer] }, answer, async (server) => {
      await until(() => server.client.length > 0);
      expect(server.client).toMatchObject([{ value: { method: 'publickey' } }]);
    });
  });

  it.each<[string, readonly string[] | undefined, string]>([
    ['rsa-sha2-512', ['rsa-sha2-256', 'rsa-sha2-512'], 'rsa-sha2-512'],
    ['rsa-sha2-256', ['rsa-sha2-256'], 'rsa-sha2-256'],
    ['rsa-sha2-256 without server-sig-algs', undefined, 'rsa-sha2-256'],
  ])('uses %s', async (_name, list, expected) => {
    const signer = rsaSigner(() => new Uint8Array(0));
    const transport = list === undefined ? {} : { extensions: [serverSigAlgs(list)] };
    const answer = offering('publickey', () => [failure('publickey')]);
    await withRawServer(
      { user: 'me', identities: () => [signer] },
      answer,
      async (server) => {
        await until(() => server.client.length > 0);
        const probe = publicKeyData.decode(server.requests[1]!.methodData);
        expect(probe.algorithm).toBe(expected);
      },
      transport,
    );
  });

  it('passes over an RSA key when the server only takes SHA-1', async () => {
    const signer = rsaSigner(() => new Uint8Array(0));
    const answer = offering('publickey', () => [failure('publickey')]);
    await withRawServer(
      { user: 'me', identities: () => [signer, key] },
      answer,
      async (server) => {
        await until(() => server.client.length > 0);
        expect(server.client).toMatchObject([
          {
            error: {
              detail: {
                attempts: [
                  { method: 'none' },
                  { method: 'publickey', outcome: 'refused-type' },
                  { method: 'publickey', outcome: 'rejected' },
                ],
              },
            },
          },
        ]);
      },
      { extensions: [serverSigAlgs(['ssh-rsa', 'ssh-ed25519'])] },
    );
  });

  it.each<[string, Signer['sign']]>([
    [
      'throws',
      () => {
        throw new Error('card removed');
      },
    ],
    ['rejects', () => Promise.reject(new Error('card removed'))],
    ['signs with SHA-1', () => new Writer().utf8('ssh-rsa').string(new Uint8Array(1)).bytes()],
    ['returns nothing', () => new Uint8Array(0)],
  ])('goes on with the next key when a signer %s', async (_name, sign) => {
    const broken: Signer = { publicKey: otherKey.publicKey, algorithms: ['ssh-ed25519'], sign };
    const answer = offering('publickey', (request) => [
      isSigned(request) ? SUCCESS : pkOk(request),
    ]);
    await withRawServer({ user: 'me', identities: () => [broken, key] }, answer, async (server) => {
      await until(() => server.client.length > 0);
      expect(server.client).toMatchObject([
        { value: { method: 'publickey', attempts: [{ method: 'none' }, { outcome: 'skipped' }] } },
      ]);
    });
  });

  it('tries each key once, and opens a source when those before it are used up', async () => {
    const opened: string[] = [];
    const source =
      (name: string, ...keys: Signer[]) =>
      () => {
        opened.push(name);
        return keys;
      };
    const identities = [
      source('explicit', key, key),
      source('agent', key, otherKey),
      source('never'),
    ];
    const answer = offering('publickey', (request, count) =>
      count === 1 ? [failure('publickey')] : [isSigned(request) ? SUCCESS : pkOk(request)],
    );
    await withRawServer({ user: 'me', identities }, answer, async (server) => {
      await until(() => server.client.length > 0);
      expect(server.client).toMatchObject([{ value: { method: 'publickey' } }]);
      expect(server.requests).toHaveLength(3);
      expect(opened).toEqual(['explicit', 'agent']);
    });
  });

  it('goes on when a source of keys fails, and says so', async () => {
    const identities = [
      () => throwError(() => new Error('no agent')),
      () => timer(5).pipe(() => of(key)),
    ];
    const answer = offering('publickey', () => [failure('publickey')]);
    await withRawServer({ user: 'me', identities }, answer, async (server) => {
      await until(() => server.client.length > 0);
      expect(messageOf(server.client)).toContain(
        'publickey skipped (no agent); publickey ssh-ed25519 SHA256:',
      );
    });
  });

  it('holds nothing up while a signer is at work, and calls it off at the end', async () => {
    let signal: AbortSignal | undefined;
    const slow: Signer = {
      ...{ publicKey: key.publicKey, algorithms: key.algorithms },
      sign: (_data, _algorithm, given) => {
        signal = given;
        return new Promise(() => undefined);
      },
    };
    const answer = offering('publickey', (request) => [pkOk(request)]);
    await withRawServer({ user: 'me', identities: () => [slow] }, answer, async (server) => {
      await until(() => signal !== undefined);
      server.transport.disconnect(12, 'busy');
      await until(() => server.client.length > 0);
      expect(server.client).toMatchObject([
        { error: { kind: 'disconnect', detail: { reasonCode: 12 } } },
      ]);
      expect(signal?.aborted).toBe(true);
    });
  });
});

describe('password', () => {
  it('is asked for until it is right', async () => {
    const questions: unknown[] = [];
    const password = (question: unknown) => {
      questions.push(question);
      return timer(1).pipe(() => of(questions.length === 1 ? 'wrong' : 'right'));
    };
    const answer = offering('password', (r) => [
      textOf(r) === 'right' ? SUCCESS : failure('password'),
    ]);
    await withRawServer({ user: 'me', password }, answer, async (server) => {
      await until(() => server.client.length > 0);
      expect(server.client).toMatchObject([{ value: { method: 'password' } }]);
      expect(questions).toEqual([
        { user: 'me', attempt: 1 },
        { user: 'me', attempt: 2 },
      ]);
    });
  });

  it.each<[string, () => string | undefined | Observable<string | undefined>, string[]]>([
    ['three times at most', () => of('wrong'), ['wrong', 'wrong', 'wrong']],
    ['as a plain string, too', () => 'secret', ['secret', 'secret', 'secret']],
    ['and undefined gives up', () => undefined, []],
    ['and a source that emits undefined gives up', () => of(undefined), []],
    ['and a source that emits nothing gives up', () => EMPTY, []],
    ['and a source that errors gives up', () => throwError(() => new Error('ctrl-c')), []],
  ])('is asked for %s', async (_name, password, expected) => {
    const answer = offering('password', () => [failure('password')]);
    await withRawServer({ user: 'me', password }, answer, async (server) => {
      await until(() => server.client.length > 0);
      expect(server.client).toMatchObject([{ error: { kind: 'auth' } }]);
      expect(server.requests.slice(1).map(textOf)).toEqual(expected);
    });
  });

  it.each<[number, (string | undefined)[]]>([
    [1, [undefined]],
    [2, ['wrong', undefined]],
  ])('that nobody gives (try %d) is told of in the error', async (_try, answers) => {
    const left = [...answers];
    const answer = offering('password', () => [failure('password')]);
    await withRawServer({ user: 'me', password: () => left.shift() }, answer, async (server) => {
      await until(() => server.client.length > 0);
      const [outcome] = server.client;
      const error = outcome !== undefined && 'error' in outcome ? outcome.error : undefined;
      expect(isSshError(error, 'auth') && error.detail.attempts.at(-1)).toEqual({
        ...{ method: 'password', outcome: 'skipped', reason: 'no answer' },
      });
      expect(left).toEqual([]);
    });
  });

  it('that is a string is tried once', async () => {
    const answer = offering('password', () => [failure('password')]);
    await withRawServer({ user: 'me', password: 'x' }, answer, async (server) => {
      await until(() => server.client.length > 0);
      expect(server.requests).toHaveLength(2);
    });
  });

  it('that has to be changed is not sent again', async () => {
    const answer = offering('password', () => [CHANGE]);
    await withRawServer({ user: 'me', password: () => of('old') }, answer, async (server) => {
      await until(() => server.client.length > 0);
      expect(server.requests).toHaveLength(2);
      const [outcome] = server.client;
      const error = outcome !== undefined && 'error' in outcome ? outcome.error : undefined;
      expect(isSshError(error, 'auth') && error.detail.attempts.at(-1)).toEqual({
        ...{ method: 'password', outcome: 'rejected', reason: 'password change required' },
      });
    });
  });

  it('is changed by whoever was given for it, until the server takes the new one', async () => {
    const fresh = ['short', 'long enough'];
    const options = { user: 'me', password: 'old', changePassword: () => of(fresh.shift()) };
    const answer = offering('password', (_request, count) => [count < 3 ? CHANGE : SUCCESS]);
    await withRawServer(options, answer, async (server) => {
      await until(() => server.client.length > 0);
      expect(server.client).toMatchObject([{ value: { method: 'password' } }]);
      expect(server.requests.slice(1).map(textOf)).toEqual([
        ...['old', 'old to short', 'old to long enough'],
      ]);
    });
  });
});

describe('authenticateClient', () => {
  it('leaves out none, and keeps to the order, when it is told to', async () => {
    const options = {
      user: 'me',
      methods: ['password', 'publickey'],
      password: 'x',
      identities: () => [key],
    };
    await withRawServer(
      options,
      () => [failure('password,publickey')],
      async (server) => {
        await until(() => server.client.length > 0);
        expect(server.requests.map(({ methodName }) => methodName)).toEqual([
          'password',
          'publickey',
        ]);
      },
    );
  });

  it('reports a server that asks for no authentication, and can refuse it', async () => {
    await withRawServer(
      { user: 'me' },
      () => [SUCCESS],
      async (server) => {
        await until(() => server.client.length > 0);
        expect(server.client).toEqual([{ value: { user: 'me', method: 'none', attempts: [] } }]);
      },
    );
    await withRawServer(
      { user: 'me', refuseNone: true },
      () => [SUCCESS],
      async (server) => {
        await until(() => server.client.length > 0);
        expect(server.client).toMatchObject([{ error: { kind: 'auth' } }]);
      },
    );
  });

  it('tells a disconnect for too many tries as a failed login', async () => {
    const answer: Answer = (_request, count) => (count < 3 ? [failure('password')] : []);
    await withRawServer({ user: 'me', password: () => of('x') }, answer, async (server) => {
      await until(() => server.requests.length === 3);
      server.transport.disconnect(2, 'Too many authentication failures');
      await until(() => server.client.length > 0);
      expect(server.client).toMatchObject([
        { error: { kind: 'auth', cause: { kind: 'disconnect' } } },
      ]);
      expect(messageOf(server.client)).toContain('Too many authentication failures');
    });
  });

  it('lists the request that the server has answered with the disconnect, the first one too', async () => {
    for (const told of [0, 1]) {
      const answer: Answer = (_request, count) => (count <= told ? [failure('password')] : []);
      await withRawServer(
        { user: 'me', methods: ['password'], password: () => of('x') },
        answer,
        async (server) => {
          await until(() => server.requests.length === told + 1);
          server.transport.disconnect(2, 'Too many authentication failures for me');
          await until(() => server.client.length > 0);
          const attempts = [0, 1].slice(0, told + 1).map(() => ({
            ...{ method: 'password', outcome: 'rejected' },
          }));
          expect(server.client).toMatchObject([
            { error: { kind: 'auth', detail: { attempts }, transient: false } },
          ]);
        },
      );
    }
  });

  it('can be called off: the question is withdrawn, the transport lives', async () => {
    let isWithdrawn = false;
    const password = () => new Observable<string>(() => () => (isWithdrawn = true));
    await withRawServer(
      { user: 'me', password },
      offering('password', () => []),
      async (server) => {
        await until(() => server.requests.length === 1);
        await pause();
        server.callOff();
        expect(isWithdrawn).toBe(true);
        await pause();
        expect(server.ended).toEqual([]);
        expect(server.client).toEqual([]);
      },
    );
  });

  it('waits for a person for as long as it takes', async () => {
    const password = () =>
      new Observable<string>((s) => {
        const timer = setTimeout(() => s.next('x'), 600);
        return () => clearTimeout(timer);
      });
    const answer = offering('password', () => [SUCCESS]);
    await withRawServer({ user: 'me', password, timeout: 500 }, answer, async (server) => {
      await until(() => server.client.length > 0);
      expect(server.client).toMatchObject([{ value: { method: 'password' } }]);
    });
  });

  it('errors at once for a method that there is none of, and on a transport that has ended', async () => {
    await withRawServer(
      { user: 'me', password: () => NEVER },
      () => [],
      async ({ transport }) => {
        const unknown = authenticateClient(transport, { user: 'me', methods: ['otp'] });
        await expect(lastValueFrom(unknown)).rejects.toMatchObject({ kind: 'config' });
        transport.disconnect();
        await pause();
        const late = authenticateClient(transport, { user: 'me' });
        await expect(lastValueFrom(late)).rejects.toMatchObject({ kind: 'disconnect' });
      },
    );
  });
});
