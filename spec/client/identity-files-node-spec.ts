import { createPrivateKey } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { concatMap, delay, firstValueFrom, from, of, throwError, toArray } from 'rxjs';
import type { IdentitySource } from '../../src/auth/client-options.ts';
import { identityFile, type PassphraseSource } from '../../src/client/identity-files-node.ts';
import { orderIdentities } from '../../src/client/identity-order.ts';
import { isSshError } from '../../src/errors.ts';
import { formatPrivateKey } from '../../src/keys/openssh-private-key.ts';
import { generatePrivateKey, type PrivateKey } from '../../src/keys/private-key.ts';
import { equalPublicKeys, formatPublicKeyLine } from '../../src/keys/public-key.ts';
import { closeEmbedded, embedded, respond } from '../support/embedded.ts';
import { useDirectory } from '../support/ssh-keygen.ts';

afterEach(closeEmbedded);

const key = generatePrivateKey('ed25519');
const path = useDirectory();

beforeAll(async () => {
  writeFileSync(path('plain'), await formatPrivateKey(key), { mode: 0o600 });
  writeFileSync(
    path('locked'),
    await formatPrivateKey(key, { passphrase: 'open sesame', rounds: 1 }),
    { mode: 0o600 },
  );
  writeFileSync(path('broken'), 'no key at all', { mode: 0o600 });
});

function identities(source: IdentitySource): Promise<unknown[]> {
  return firstValueFrom(from(source()).pipe(toArray()));
}

function kindOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'fine',
    (error: unknown) => (isSshError(error) ? [error.kind, error.message] : error),
  );
}

/** As OpenSSL writes it. */
function encryptedPem(ed25519: PrivateKey, passphrase: string): string {
  const secret = ed25519.secret();
  if (secret.kind !== 'ed25519') throw new Error('an Ed25519 key is needed');
  const d = Buffer.from(secret.seed).toString('base64url');
  const x = Buffer.from(ed25519.publicKey.blob.subarray(-32)).toString('base64url');
  const jwk = { kty: 'OKP', crv: 'Ed25519', d, x };
  return createPrivateKey({ key: jwk, format: 'jwk' })
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase })
    .toString();
}

describe('a key file', () => {
  it('is a signer that says where it comes from', async () => {
    const [signer] = await firstValueFrom(from(identityFile(path('plain'))()).pipe(toArray()));
    expect(signer?.source).toBe(path('plain'));
    expect(equalPublicKeys(signer!.publicKey, key.publicKey)).toBe(true);
  });

  it('that is a folder is refused as one: nobody shall change its mode', async () => {
    expect(await kindOf(identities(identityFile(path('.'))))).toEqual([
      'config',
      `key file ${path('.')} is a folder`,
    ]);
  });

  it.each([0o644, 0o640, 0o604, 0o660, 0o677])(
    'F2: that others can read (%p) is refused',
    async (mode) => {
      const file = path(`mode${String(mode)}`);
      writeFileSync(file, await formatPrivateKey(key), { mode: 0o600 });
      chmodSync(file, mode);
      expect(await kindOf(identities(identityFile(file)))).toEqual([
        'config',
        `key file ${file} is readable by others: its mode must be 0600`,
      ]);
    },
  );

  it('that is the public half is refused as that', async () => {
    writeFileSync(path('plain.pub'), 'ssh-ed25519 AAAA', { mode: 0o644 });
    expect(await kindOf(identities(identityFile(path('plain.pub'))))).toEqual([
      'config',
      `key file ${path('plain.pub')} is a public key: name the private one`,
    ]);
  });

  describe('that is the public half, with an agent', () => {
    const others = [generatePrivateKey('ed25519'), generatePrivateKey('ecdsa')];
    const file = (): string => path('half.pub');
    const beside = (text: string, keys: readonly PrivateKey[]): Promise<unknown> => {
      writeFileSync(file(), text, { mode: 0o644 });
      return kindOf(identities(identityFile(file(), { agent: () => from(keys) })));
    };
    const line = formatPublicKeyLine(key.publicKey, 'me@here');

    it('is the agent’s key of it, and no other', async () => {
      writeFileSync(file(), `${line}\n`, { mode: 0o644 });
      const agent: IdentitySource = () => from([...others, key, key]);
      expect(await identities(identityFile(file(), { agent }))).toEqual([key]);
    });

    it('is an error when the agent does not have it', async () => {
      expect(await beside(line, others)).toEqual([
        'config',
        `key file ${file()} is a public key, of which the agent has no private one`,
      ]);
    });

    it.each(['', 'ssh-ed25519 AAAA', `${line}\n${line}\n`])(
      'is an error when it is none: %j',
      async (text) => {
        expect(await beside(text, [key])).toEqual(['config', expect.stringContaining(file())]);
      },
    );
  });

  it.each([0o600, 0o400, 0o700])('that only its owner can read (%p) is taken', async (mode) => {
    const file = path(`own${String(mode)}`);
    writeFileSync(file, await formatPrivateKey(key), { mode: 0o600 });
    chmodSync(file, mode);
    expect(await identities(identityFile(file))).toHaveLength(1);
  });

  it('that is not there is an error, unless it is optional', async () => {
    expect(await kindOf(identities(identityFile(path('missing'))))).toEqual([
      'config',
      expect.stringContaining('ENOENT'),
    ]);
    expect(await identities(identityFile(path('missing'), { optional: true }))).toEqual([]);
    expect(await kindOf(identities(identityFile(path(''), { optional: true })))).toEqual([
      'config',
      expect.anything(),
    ]);
  });

  it('that is none is an error that names it', async () => {
    expect(await kindOf(identities(identityFile(path('broken'))))).toEqual([
      'key-format',
      expect.stringContaining(path('broken')),
    ]);
  });

  it('is not read before it is asked for', () => {
    expect(() => identityFile(path('missing'))).not.toThrow();
  });
});

describe('an encrypted key file', () => {
  /** Logs in with it; gives the questions for its passphrase, and how the login went. */
  async function login(
    passphrase: string | PassphraseSource | undefined,
    isWelcome = true,
    file = 'locked',
  ): Promise<{ questions: string[]; seen: unknown[]; phases: string[] }> {
    const questions: string[] = [];
    const phases: string[] = [];
    const counting: PassphraseSource = (file, attempt) => {
      questions.push(file);
      phases.push('passphrase');
      return typeof passphrase === 'function' ? passphrase(file, attempt) : passphrase;
    };
    const { client$ } = embedded((session) => respond(session, {}), {
      server: {
        authenticate: (attempt) => {
          const isKey = attempt.method === 'publickey';
          phases.push(isKey ? (attempt.signed ? 'signed' : 'asked') : attempt.method);
          return of(isWelcome && isKey && equalPublicKeys(attempt.publicKey, key.publicKey));
        },
      },
      client: {
        methods: ['publickey'],
        identities: identityFile(
          path(file),
          typeof passphrase === 'string' ? { passphrase } : { passphrase: counting },
        ),
      },
    });
    const seen = await firstValueFrom(client$).then(
      () => ['client'],
      (error: unknown) => [error],
    );
    return { questions, seen, phases };
  }

  it('is asked for its passphrase when the server has accepted the key, once', async () => {
    const { questions, seen, phases } = await login(() => 'open sesame');
    expect([questions, seen, phases]).toEqual([
      [path('locked')],
      ['client'],
      ['asked', 'passphrase', 'signed'],
    ]);
  });

  it('is asked for nothing when the server does not want the key', async () => {
    const { questions, seen } = await login(() => 'open sesame', false);
    expect([questions, isSshError(seen[0], 'auth')]).toEqual([[], true]);
  });

  it.each<[string, string | PassphraseSource]>([
    ['a string', 'open sesame'],
    ['a promise', () => Promise.resolve('open sesame')],
    [
      'an Observable',
      () =>
        of('open sesame').pipe(
          delay(0),
          concatMap((answer) => of(answer)),
        ),
    ],
  ])('opens with %s', async (_name, passphrase) => {
    expect((await login(passphrase)).seen).toEqual(['client']);
  });

  it('asks again for one that was mistyped', async () => {
    const attempts: number[] = [];
    const { questions, seen } = await login((_file, attempt) => {
      attempts.push(attempt);
      return attempt === 3 ? 'open sesame' : 'open sesam';
    });
    expect([questions.length, attempts, seen]).toEqual([3, [1, 2, 3], ['client']]);
  });

  it.each<[number, string | PassphraseSource]>([
    [3, () => 'wrong'],
    [2, (_file, attempt) => (attempt === 1 ? 'wrong' : undefined)],
  ])('asks %d times, and says that it was wrong', async (times, passphrase) => {
    const { questions, seen } = await login(passphrase);
    const [error] = seen;
    expect([questions.length, isSshError(error, 'auth') && error.message]).toEqual([
      times,
      expect.stringContaining('wrong passphrase'),
    ]);
  });

  it.each<[string, PassphraseSource]>([
    ['a wrong one', () => 'wrong'],
    ['none', () => undefined],
    ['no answer', () => []],
    ['an error', () => throwError(() => new Error('nobody there'))],
    [
      'a throw',
      () => {
        throw new Error('nobody there');
      },
    ],
  ])('is passed over for %s, and the error says why', async (_name, passphrase) => {
    const [error] = (await login(passphrase)).seen;
    expect(
      isSshError(error, 'auth') &&
        error.detail.attempts
          .filter(({ method }) => method === 'publickey')
          .map(({ outcome, reason }) => [outcome, typeof reason]),
    ).toEqual([['skipped', 'string']]);
    expect(`${JSON.stringify(error)} ${(error as Error).message}`).not.toContain('sesame');
  });

  describe('in PEM, which hides its public half,', () => {
    const half = `${formatPublicKeyLine(key.publicKey, 'me@here')}\n`;
    beforeAll(() => {
      for (const file of ['pem', 'pem-with-half', 'pem-with-another'])
        writeFileSync(path(file), encryptedPem(key, 'open sesame'), { mode: 0o600 });
      writeFileSync(path('pem-with-half.pub'), half);
      const another = generatePrivateKey('ed25519').publicKey;
      writeFileSync(path('pem-with-another.pub'), formatPublicKeyLine(another, ''));
    });

    it('is opened before the server is asked', async () => {
      const { questions, seen, phases } = await login(() => 'open sesame', true, 'pem');
      expect([questions, seen, phases]).toEqual([
        [path('pem')],
        ['client'],
        ['passphrase', 'signed'],
      ]);
      expect((await login('open sesame', true, 'pem')).seen).toEqual(['client']);
    });

    it('is asked for its passphrase as others are where that is beside it', async () => {
      const { seen, phases } = await login(() => 'open sesame', true, 'pem-with-half');
      expect([seen, phases]).toEqual([['client'], ['asked', 'passphrase', 'signed']]);
    });

    it('is not used where another’s is beside it', async () => {
      const source = identityFile(path('pem-with-another'), { passphrase: 'open sesame' });
      const [signer] = await firstValueFrom(from(source()).pipe(toArray()));
      await expect(signer?.sign(new Uint8Array(1), 'ssh-ed25519')).rejects.toMatchObject({
        kind: 'config',
        message: expect.stringContaining('is not the private half of'),
      });
    });

    it.each<[string, PassphraseSource]>([
      ['encrypted with a passphrase', () => undefined],
      ['wrong passphrase', () => 'wrong'],
    ])('says that it could not be opened: %s', async (reason, passphrase) => {
      const [error] = (await login(passphrase, true, 'pem')).seen;
      expect(isSshError(error, 'auth') && error.message).toContain(reason);
    });

    it('is asked for its passphrase once where the agent’s keys are compared with it', async () => {
      const questions: string[] = [];
      const passphrase: PassphraseSource = (file) => {
        questions.push(file);
        return 'open sesame';
      };
      const sources = orderIdentities({
        named: [identityFile(path('pem'), { passphrase })],
        usual: [],
        agent: () => [generatePrivateKey('ed25519')],
        identitiesOnly: true,
      });
      const signers = await firstValueFrom(
        from(sources).pipe(
          concatMap((source) => source()),
          toArray(),
        ),
      );
      expect([questions, signers.length]).toEqual([[path('pem')], 1]);
    });
  });

  it('goes on to the next source when it cannot be opened, though that has the same key', async () => {
    const { client$ } = embedded((session) => respond(session, {}), {
      client: {
        identities: [
          identityFile(path('locked')),
          identityFile(path('broken')),
          identityFile(path('plain')),
        ],
      },
      server: { authenticate: (attempt) => of(attempt.method === 'publickey') },
    });
    expect((await firstValueFrom(client$)).login.method).toBe('publickey');
  });
});
