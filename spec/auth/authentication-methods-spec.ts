/** Chains of methods, as a client meets them (AS6). */
import { describe, expect, it } from '@jest/globals';
import { firstValueFrom, map, type Observable, of, throwError } from 'rxjs';
import { authenticationMethods } from '../../src/auth/authentication-methods.ts';
import type { AuthAttemptInfo, AuthDecision, AuthPolicy } from '../../src/auth/policy.ts';
import type { ServerAuthOptions } from '../../src/auth/server-options.ts';
import type { ClientAuthOptions } from '../../src/auth/client-options.ts';
import type { Permissions } from '../../src/keys/permissions.ts';
import { generatePrivateKey } from '../../src/keys/private-key.ts';
import { equalPublicKeys } from '../../src/keys/public-key.ts';
import { login } from './logins.ts';

const first = generatePrivateKey('ed25519');
const second = generatePrivateKey('ed25519');
const stranger = generatePrivateKey('ed25519');

/** Both keys and one password are right, each with what it permits. */
function server(
  chains: readonly string[],
  permissions: { readonly key?: Permissions; readonly password?: Permissions } = {},
  asked: string[] = [],
): ServerAuthOptions {
  const policy: AuthPolicy = (attempt) => {
    asked.push(attempt.method);
    if (attempt.method === 'publickey') {
      const isKnown = [first, second].some((key) =>
        equalPublicKeys(key.publicKey, attempt.publicKey),
      );
      return isKnown && { accept: true, permissions: permissions.key ?? {} };
    }
    return (
      attempt.method === 'password' &&
      attempt.password === 'right' && {
        ...{ accept: true, context: 'last' },
        permissions: permissions.password ?? {},
      }
    );
  };
  return { ...authenticationMethods(chains, policy), failureDelay: 0 };
}

const client = (
  keys: readonly (typeof first)[],
  password?: string,
  methods?: readonly string[],
): ClientAuthOptions => ({
  user: 'me',
  ...(keys.length === 0 ? {} : { identities: () => of(...keys) }),
  ...(password === undefined ? {} : { password }),
  ...(methods === undefined ? {} : { methods }),
});

async function succeeds(from: ClientAuthOptions, to: ServerAuthOptions): Promise<boolean> {
  return 'value' in (await login(from, to)).server;
}

describe('authenticationMethods', () => {
  it('takes a whole chain, and nothing less', async () => {
    const both = server(['publickey,password']);
    expect(await succeeds(client([first], 'right'), both)).toBe(true);
    expect(await succeeds(client([first], 'wrong'), both)).toBe(false);
    expect(await succeeds(client([first]), both)).toBe(false);
    expect(await succeeds(client([], 'right'), both)).toBe(false);
    expect(await succeeds(client([stranger], 'right'), both)).toBe(false);
  });

  it('asks about no method before its turn', async () => {
    const asked: string[] = [];
    const both = server(['publickey,password'], {}, asked);
    await login(client([first], 'right', ['password', 'publickey']), both);
    expect(asked).toEqual(['publickey', 'password']);
    asked.length = 0;
    await login(client([], 'right', ['password']), both);
    expect(asked).toEqual([]);
  });

  it('takes any of its chains, and offers what is next in them', async () => {
    const any = server(['publickey,password', 'publickey,keyboard-interactive', 'password']);
    expect(any.methods).toEqual(['publickey', 'password']);
    expect(await succeeds(client([], 'right'), any)).toBe(true);
    const { server: outcome } = await login(client([first]), any);
    expect(outcome).toMatchObject({ error: expect.anything() });
    const { client: told } = await login(client([first]), any);
    expect(told).toMatchObject({
      error: { detail: { methodsLeft: ['password', 'keyboard-interactive'] } },
    });
  });

  it('wants two different keys for publickey,publickey', async () => {
    const two = server(['publickey,publickey']);
    expect(await succeeds(client([first, first]), two)).toBe(false);
    expect(await succeeds(client([first, second]), two)).toBe(true);
  });

  it('lets no one in by a chain that was begun with another', async () => {
    const mixed = server(['password,publickey', 'publickey,publickey']);
    expect(await succeeds(client([first], 'right', ['publickey', 'password']), mixed)).toBe(false);
  });

  it.each<[string, Permissions, Permissions, Permissions]>([
    ['the first factor', { command: 'date', pty: false }, {}, { command: 'date', pty: false }],
    ['the last factor', { pty: false }, { command: 'date' }, { command: 'date', pty: false }],
  ])('has a command of %s hold (AS6)', async (_which, key, password, permissions) => {
    const both = server(['publickey,password'], { key, password });
    const { server: outcome } = await login(client([first], 'right'), both);
    expect(outcome).toMatchObject({
      value: {
        ...{ method: 'password', context: 'last' },
        permissions: { ...permissions, portForwarding: false, agentForwarding: false },
        partialSuccesses: [{ method: 'publickey', publicKey: first.publicKey }],
      },
    });
  });

  it('refuses factors that force different commands (AS6)', async () => {
    const both = server(['publickey,password'], {
      key: { command: 'a' },
      password: { command: 'b' },
    });
    expect(await succeeds(client([first], 'right'), both)).toBe(false);
  });

  const attempt: AuthAttemptInfo = {
    ...{ method: 'password', password: 'x', user: 'me', partialSuccesses: [] },
  };
  it.each<[string, unknown, unknown]>([
    ['consent', true, { accept: true, permissions: {} }],
    ['a partial success', { partial: true, methodsLeft: ['publickey'] }, false],
    ['rubbish', 'yes', false],
    ['rubbish for permissions', { accept: true, permissions: { nopty: true } }, false],
    [
      'a change of password',
      { changePassword: true, prompt: 'p' },
      { changePassword: true, prompt: 'p' },
    ],
  ])('makes of %s what it should', async (_what, decision, expected) => {
    const { authenticate } = authenticationMethods(['password'], () =>
      of(decision as AuthDecision),
    );
    const decided = authenticate(attempt);
    expect(await firstValueFrom(decided as Observable<AuthDecision>)).toEqual(expected);
  });

  it('asks about nothing that is not the next of a chain', async () => {
    let isAsked = false;
    const { authenticate } = authenticationMethods(['publickey,password'], () => (isAsked = true));
    const decided = authenticate(attempt) as Observable<AuthDecision>;
    expect(await firstValueFrom(decided)).toBe(false);
    expect(isAsked).toBe(false);
  });

  it('passes the failure of a policy on', async () => {
    const failing = authenticationMethods(['password'], () =>
      throwError(() => new Error('database down')).pipe(map(() => true)),
    );
    const { server: outcome } = await login(client([], 'x'), { ...failing, failureDelay: 0 });
    expect(outcome).toHaveProperty('error');
  });

  it.each([
    ['no chain', []],
    ['an empty chain', ['']],
    ['a method that there is none of', ['publickey,otp']],
    ['none', ['none']],
    ['a password twice', ['password,password']],
    ['an empty name', ['publickey,,password']],
  ])('has no use for %s', (_what, chains) => {
    expect(() => authenticationMethods(chains, () => true)).toThrow(
      expect.objectContaining({ kind: 'config' }),
    );
  });
});
