/** The server's side against a client whose messages are written by hand. */
import { describe, expect, it } from '@jest/globals';
import { EMPTY, NEVER, Observable, type ObservableInput, of, Subject, throwError } from 'rxjs';
import type { AuthAttemptInfo, AuthDecision, AuthPolicy } from '../../src/auth/policy.ts';
import { signedData } from '../../src/auth/signed-data.ts';
import { generatePrivateKey, type PrivateKey } from '../../src/keys/private-key.ts';
import { equalPublicKeys } from '../../src/keys/public-key.ts';
import { encodeSignature } from '../../src/keys/signature-algorithms.ts';
import { passwordData, publicKeyData } from '../../src/messages/userauth.ts';
import { concatBytes } from '../../src/wire/bytes.ts';
import { Writer } from '../../src/wire/writer.ts';
import { Clock } from '../support/clock.ts';
import { pause, type RawClient, until, withRawClient } from './logins.ts';

const NOTHING = new Uint8Array(0);
const admin = generatePrivateKey('ed25519');
const guest = generatePrivateKey('ed25519');

function send(
  { transport }: RawClient,
  methodName: string,
  methodData: Uint8Array = NOTHING,
  userName = 'me',
  serviceName = 'ssh-connection',
): void {
  transport.send({ type: 'USERAUTH_REQUEST', userName, serviceName, methodName, methodData });
}

function password(text: string, change = false): Uint8Array {
  const rest = change ? new Writer().utf8('new').bytes() : NOTHING;
  return passwordData.encode({ change, password: text, rest });
}

function question(key: PrivateKey, algorithm = key.publicKey.type): Uint8Array {
  const publicKey = key.publicKey.blob;
  return publicKeyData.encode({ signed: false, algorithm, publicKey, rest: NOTHING });
}

/** A signed request, of which every part can be another than the one that was signed. */
function proof(
  { transport }: RawClient,
  key: PrivateKey,
  other: {
    readonly sessionId?: Uint8Array;
    readonly user?: string;
    readonly algorithm?: string;
    readonly publicKey?: Uint8Array;
    readonly signature?: (signature: Uint8Array) => Uint8Array;
    readonly rest?: Uint8Array;
  } = {},
): Uint8Array {
  const publicKey = key.publicKey.blob;
  const data = signedData(other.sessionId ?? transport.handshake.sessionId, {
    userName: other.user ?? 'me',
    serviceName: 'ssh-connection',
    algorithm: key.publicKey.type,
    publicKey,
  });
  const signature = key.sign(data, key.publicKey.type);
  if (!(signature instanceof Uint8Array)) throw new Error('these keys sign at once');
  const sent = other.signature?.(signature) ?? signature;
  return publicKeyData.encode({
    signed: true,
    algorithm: other.algorithm ?? key.publicKey.type,
    publicKey: other.publicKey ?? publicKey,
    rest: other.rest ?? new Writer().string(sent).bytes(),
  });
}

/** A policy that lets one key in, and notes what it was asked. */
function keyPolicy(key: PrivateKey, asked: AuthAttemptInfo[] = []) {
  return {
    failureDelay: 0,
    authenticate: (attempt: AuthAttemptInfo) => {
      asked.push(attempt);
      return of(
        attempt.method === 'publickey' && equalPublicKeys(attempt.publicKey, key.publicKey),
      );
    },
  };
}

describe('a policy', () => {
  it.each<[string, () => ObservableInput<unknown>]>([
    ['emits false', () => of(false)],
    ["emits 'false'", () => of('false')],
    ['emits 1', () => of(1)],
    ['emits an empty object', () => of({})],
    ['emits { accept: 1 }', () => of({ accept: 1 })],
    [
      'emits both decisions at once',
      () => of({ accept: true, partial: true, methodsLeft: ['password'] }),
    ],
    ['emits a partial success with nothing left', () => of({ partial: true, methodsLeft: [] })],
    [
      'emits a partial success with methods that do not exist',
      () => of({ partial: true, methodsLeft: ['otp'] }),
    ],
    ['emits null', () => of(null)],
    ['emits undefined', () => of(undefined)],
    ['emits false, then true', () => of(false, true)],
    ['emits false at once and true later', () => [false, true]],
    ['completes without a value', () => EMPTY],
    ['errors', () => throwError(() => new Error('database down'))],
    ['rejects', () => Promise.reject(new Error('database down'))],
    [
      'throws',
      () => {
        throw new Error('bug');
      },
    ],
    ['is a string', () => 'true'],
    ['is 1', () => 1 as unknown as ObservableInput<unknown>],
    ['is an object that is no decision', () => ({}) as unknown as ObservableInput<unknown>],
  ])('that %s refuses', async (_name, decide) => {
    const authenticate = decide as () => ObservableInput<AuthDecision>;
    await withRawClient({ authenticate, failureDelay: 0 }, async (client) => {
      send(client, 'password', password('x'));
      expect(await client.answered(1)).toEqual(['USERAUTH_FAILURE']);
      expect(client.server).toEqual([]);
    });
  });

  it.each<[string, () => ObservableInput<AuthDecision>]>([
    ['emits true', () => of(true)],
    ['emits true, then false', () => of(true, false)],
    ['emits true and never completes', () => new Observable((s) => s.next(true))],
    ['resolves to true', () => Promise.resolve(true)],
    ['emits a typed decision', () => of({ accept: true })],
  ])('that %s lets in', async (_name, authenticate) => {
    await withRawClient({ authenticate }, async (client) => {
      send(client, 'password', password('x'));
      expect(await client.answered(1)).toEqual(['USERAUTH_SUCCESS']);
      expect(client.server).toMatchObject([{ value: { user: 'me', method: 'password' } }]);
    });
  });

  it('hands its context on', async () => {
    const authenticate = () => of({ accept: true as const, context: { uid: 7 } });
    await withRawClient({ authenticate }, async (client) => {
      send(client, 'password', password('x'));
      await client.answered(1);
      expect(client.server).toMatchObject([{ value: { context: { uid: 7 } } }]);
    });
  });

  it('that never decides ends with the login grace time, and is called off', async () => {
    const scheduler = new Clock();
    const states: string[] = [];
    const authenticate = () =>
      new Observable<AuthDecision>(() => {
        states.push('asked');
        return () => states.push('called off');
      });
    const body = async (client: RawClient): Promise<void> => {
      send(client, 'password', password('x'));
      await until(() => states.length > 0);
      await scheduler.pass(39);
      expect(states).toEqual(['asked']);
      await scheduler.pass(1);
      expect(await client.closed()).toMatchObject({ kind: 'disconnect', detail: { by: 'peer' } });
      expect(client.server).toMatchObject([
        { error: { kind: 'timeout', detail: { phase: 'login' } } },
      ]);
      expect(states).toEqual(['asked', 'called off']);
    };
    await withRawClient({ authenticate, loginGraceTime: 40 }, body, { scheduler });
  });

  it('is called off when the client goes away', async () => {
    let isCalledOff = false;
    const authenticate = () => new Observable<AuthDecision>(() => () => (isCalledOff = true));
    await withRawClient({ authenticate }, async (client) => {
      send(client, 'password', password('x'));
      await pause();
      client.transport.disconnect();
      await until(() => client.server.length > 0);
      expect(isCalledOff).toBe(true);
    });
  });

  it('is not asked about what the library can refuse', async () => {
    const asked: AuthAttemptInfo[] = [];
    const options = { ...keyPolicy(admin, asked), maxFailures: 20 };
    await withRawClient(options, async (client) => {
      send(client, 'none');
      send(client, 'password', password('x'.repeat(1025)));
      send(client, 'password', password('ü'.repeat(513)));
      send(client, 'password', password(''));
      send(client, 'password', password('old', true));
      send(client, 'password', password('x'), 'a\0b');
      send(client, 'password', password('x'), '../x');
      send(client, 'password', password('x'), 'a\nb');
      send(client, 'keyboard-interactive');
      send(client, 'hostbased');
      expect(await client.answered(10)).toEqual(
        Array.from({ length: 10 }, () => 'USERAUTH_FAILURE'),
      );
      expect(asked).toEqual([]);
    });
  });

  it.each<[string, () => ReturnType<AuthPolicy>, string]>([
    ['true', () => true, 'USERAUTH_SUCCESS'],
    ['an acceptance', () => ({ accept: true }), 'USERAUTH_SUCCESS'],
    ['a promise of true', () => Promise.resolve(true), 'USERAUTH_SUCCESS'],
    ['false', () => false, 'USERAUTH_FAILURE'],
    ['nothing', () => undefined as unknown as boolean, 'USERAUTH_FAILURE'],
    ['what is only like true', () => 'true' as unknown as boolean, 'USERAUTH_FAILURE'],
  ])('may say %s, without an Observable around it', async (_name, authenticate, answer) => {
    await withRawClient({ authenticate, failureDelay: 0 }, async (client) => {
      send(client, 'password', password('x'));
      expect(await client.answered(1)).toEqual([answer]);
    });
  });

  it('is asked about none and the empty password where that is wanted', async () => {
    const asked: string[] = [];
    const authenticate = ({ method }: AuthAttemptInfo) => {
      asked.push(method);
      return of(method === 'none');
    };
    const options = { authenticate, failureDelay: 0, allowNone: true, allowEmptyPassword: true };
    await withRawClient(options, async (client) => {
      send(client, 'password', password(''));
      send(client, 'none');
      expect(await client.answered(2)).toEqual(['USERAUTH_FAILURE', 'USERAUTH_SUCCESS']);
      expect(asked).toEqual(['password', 'none']);
    });
  });
});

describe('a key', () => {
  it('that is asked about logs nobody in, and is not the one that counts', async () => {
    const asked: AuthAttemptInfo[] = [];
    await withRawClient(keyPolicy(admin, asked), async (client) => {
      send(client, 'publickey', question(admin));
      send(client, 'publickey', question(guest));
      send(client, 'publickey', proof(client, guest));
      expect(await client.answered(3)).toEqual([
        ...['USERAUTH_PK_OK', 'USERAUTH_FAILURE', 'USERAUTH_FAILURE'],
      ]);
      expect(client.server).toEqual([]);
      expect(asked.map((attempt) => attempt.method === 'publickey' && attempt.signed)).toEqual([
        ...[false, false, true],
      ]);
      send(client, 'publickey', proof(client, admin));
      await client.answered(4);
      expect(client.server).toMatchObject([{ value: { publicKey: admin.publicKey } }]);
    });
  });

  const cases: readonly [string, Parameters<typeof proof>[2]][] = [
    ['of another session', { sessionId: new Uint8Array(32) }],
    ['for another user', { user: 'root' }],
    ['under another algorithm', { algorithm: 'ecdsa-sha2-nistp256' }],
    ['under an algorithm that is not accepted', { algorithm: 'ssh-rsa' }],
    ['by another key', { publicKey: guest.publicKey.blob }],
    ['that is empty', { signature: () => NOTHING }],
    ['that is truncated', { signature: (s) => s.subarray(0, -1) }],
    ['with bytes behind it', { signature: (s) => concatBytes([s, new Uint8Array(1)]) }],
    [
      'that names another format',
      { signature: (s) => encodeSignature('rsa-sha2-256', s.subarray(-64)) },
    ],
    ['that is not there', { rest: NOTHING }],
    ['that is cut off', { rest: new Uint8Array([0, 0, 0, 9, 1]) }],
    ['of a key that cannot be read', { publicKey: new Uint8Array([0, 0, 0, 1]) }],
  ];
  it.each(cases)(
    'with a signature %s is refused, and the policy not asked',
    async (_name, other) => {
      const asked: AuthAttemptInfo[] = [];
      await withRawClient({ ...keyPolicy(admin, asked), maxFailures: 2 }, async (client) => {
        send(client, 'publickey', proof(client, admin, other));
        expect(await client.answered(1)).toEqual(['USERAUTH_FAILURE']);
        expect(asked).toEqual([]);
        // it was counted
        send(client, 'publickey', proof(client, admin, other));
        expect(await client.closed()).toMatchObject({ detail: { reasonCode: 14 } });
      });
    },
  );

  it('whose request is malformed ends the connection before anyone is asked', async () => {
    const asked: AuthAttemptInfo[] = [];
    await withRawClient(keyPolicy(admin, asked), async (client) => {
      send(client, 'publickey', new Uint8Array([0, 0, 0, 0, 200]));
      expect(await client.closed()).toMatchObject({ detail: { reasonCode: 2 } });
      expect(asked).toEqual([]);
    });
  });
});

describe('messages that race a verdict', () => {
  it('wait for it: who is let in is who was asked about', async () => {
    const verdicts = new Map<string, Subject<AuthDecision>>();
    const authenticate = ({ user }: AuthAttemptInfo) => {
      const verdict = new Subject<AuthDecision>();
      verdicts.set(user, verdict);
      return verdict;
    };
    await withRawClient({ authenticate, failureDelay: 0 }, async (client) => {
      send(client, 'password', password('x'), 'a');
      send(client, 'password', password('x'), 'b');
      await pause(10);
      expect([...verdicts.keys()]).toEqual(['a']);
      verdicts.get('a')?.next(true);
      expect(await client.answered(1)).toEqual(['USERAUTH_SUCCESS']);
      expect(client.server).toMatchObject([{ value: { user: 'a' } }]);
      await pause(10);
      expect([...verdicts.keys()]).toEqual(['a']);
    });
  });

  it.each([0, 1])(
    'of the connection protocol end the connection (after %p requests)',
    async (count) => {
      await withRawClient({ authenticate: () => NEVER }, async (client) => {
        for (let i = 0; i < count; i++) send(client, 'password', password('x'));
        client.transport.send({
          ...{ type: 'CHANNEL_OPEN', channelType: 'session', senderChannel: 0 },
          ...{ initialWindowSize: 0, maximumPacketSize: 0, payload: NOTHING },
        });
        expect(await client.closed()).toMatchObject({ detail: { reasonCode: 2 } });
        expect(client.server).toMatchObject([{ error: { kind: 'protocol' } }]);
      });
    },
  );

  it('are bounded', async () => {
    await withRawClient({ authenticate: () => NEVER }, async (client) => {
      for (let i = 0; i < 18; i++) send(client, 'password', password('x'));
      expect(await client.closed()).toMatchObject({ detail: { reasonCode: 2 } });
    });
  });
});

describe('a partial success', () => {
  const authenticate = (attempt: AuthAttemptInfo): ObservableInput<AuthDecision> =>
    attempt.method === 'publickey'
      ? of({ partial: true, methodsLeft: ['password'] })
      : of(attempt.partialSuccesses.length > 0);

  it('is worth nothing to another user', async () => {
    await withRawClient({ authenticate, failureDelay: 0 }, async (client) => {
      send(client, 'publickey', proof(client, admin));
      expect(await client.answered(1)).toEqual(['USERAUTH_FAILURE']);
      expect(client.answers[0]).toMatchObject({
        ...{ partialSuccess: true, methodsThatCanContinue: ['password'] },
      });
      send(client, 'password', password('x'), 'root');
      expect(await client.closed()).toMatchObject({ detail: { reasonCode: 2 } });
      expect(client.server).toMatchObject([{ error: { kind: 'protocol' } }]);
    });
  });

  it('and the rest of what is needed let in', async () => {
    await withRawClient({ authenticate, failureDelay: 0 }, async (client) => {
      send(client, 'password', password('x'));
      send(client, 'publickey', proof(client, admin));
      send(client, 'publickey', proof(client, admin));
      send(client, 'password', password('x'));
      expect(await client.answered(4)).toEqual([
        ...['USERAUTH_FAILURE', 'USERAUTH_FAILURE', 'USERAUTH_FAILURE', 'USERAUTH_SUCCESS'],
      ]);
      const partialSuccesses = [{ method: 'publickey', publicKey: admin.publicKey }];
      expect(client.server).toMatchObject([{ value: { method: 'password', partialSuccesses } }]);
    });
  });
});

describe('limits', () => {
  it('six failures and the client is disconnected with reason 14', async () => {
    const options = { authenticate: () => of(false), failureDelay: 0 };
    await withRawClient(options, async (client) => {
      send(client, 'none');
      for (let i = 0; i < 7; i++) send(client, 'password', password(`guess ${i}`));
      expect(await client.closed()).toMatchObject({
        kind: 'disconnect',
        detail: { reasonCode: 14 },
      });
      expect(client.answers).toHaveLength(6);
      const [outcome] = client.server;
      expect(outcome).toMatchObject({ error: { kind: 'auth' } });
    });
  });

  it('64 requests of any kind', async () => {
    await withRawClient({ authenticate: () => of(true) }, async (client) => {
      for (let i = 0; i < 64; i++) {
        send(client, 'publickey', question(admin));
        await client.answered(i + 1);
      }
      send(client, 'publickey', question(admin));
      expect(await client.closed()).toMatchObject({ detail: { reasonCode: 14 } });
    });
  });

  it('the time to log in is one deadline, whatever the client does meanwhile', async () => {
    const scheduler = new Clock();
    const options = { authenticate: () => of(false), failureDelay: 0, loginGraceTime: 1000 };
    const body = async (client: RawClient): Promise<void> => {
      for (let at = 1; at <= 3; at++) {
        send(client, 'publickey', question(admin));
        await client.answered(at);
        await scheduler.pass(333);
      }
      expect(client.server).toEqual([]);
      await scheduler.pass(1);
      expect(client.server).toMatchObject([{ error: { kind: 'timeout' } }]);
    };
    await withRawClient(options, body, { scheduler });
  });

  it('a failure is held back, but not the first none', async () => {
    const scheduler = new Clock();
    const tried: string[] = [];
    const authenticate = ({ method }: AuthAttemptInfo): Observable<AuthDecision> => {
      tried.push(method);
      return of(false);
    };
    const body = async (client: RawClient): Promise<void> => {
      send(client, 'none');
      expect(await client.answered(1)).toEqual(['USERAUTH_FAILURE']);
      send(client, 'password', password('x'));
      await until(() => tried.includes('password'));
      await scheduler.pass(59);
      expect(client.answers).toHaveLength(1);
      await scheduler.pass(61);
      expect(await client.answered(2)).toHaveLength(2);
    };
    await withRawClient({ authenticate, failureDelay: 60 }, body, { scheduler });
  });
});

describe('services', () => {
  it('other than ssh-connection end the connection', async () => {
    await withRawClient({ authenticate: () => of(true) }, async (client) => {
      send(client, 'password', password('x'), 'me', 'ssh-other');
      expect(await client.closed()).toMatchObject({ detail: { reasonCode: 7 } });
    });
  });

  it('other than ssh-userauth end the connection', async () => {
    await withRawClient({ authenticate: () => of(true) }, async ({ transport, closed }) => {
      transport.send({ type: 'SERVICE_REQUEST', serviceName: 'ssh-connection' });
      expect(await closed()).toMatchObject({ detail: { reasonCode: 7 } });
    });
  });

  it('ssh-userauth may be asked for once more, as paramiko does', async () => {
    await withRawClient({ authenticate: () => of(true) }, async (client) => {
      client.transport.expectService();
      client.transport.send({ type: 'SERVICE_REQUEST', serviceName: 'ssh-userauth' });
      send(client, 'password', password('x'));
      expect(await client.answered(1)).toEqual(['USERAUTH_SUCCESS']);
    });
  });
});
