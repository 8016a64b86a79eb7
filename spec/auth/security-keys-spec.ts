/** Security keys at our server: what they say of themselves counts, and is asked for. */
import { describe, expect, it } from '@jest/globals';
import { of } from 'rxjs';
import { authenticationMethods } from '../../src/auth/authentication-methods.ts';
import { authorizedKeys } from '../../src/auth/authorized-keys.ts';
import type { AuthDecision, AuthPolicy } from '../../src/auth/policy.ts';
import { formatPublicKeyLine } from '../../src/keys/public-key.ts';
import type { Signer } from '../../src/keys/signer.ts';
import { type SecurityKeyType, securityKey, TOUCHED, VERIFIED } from '../support/security-key.ts';
import { login, type Login } from './logins.ts';

const TYPES: readonly SecurityKeyType[] = [
  'sk-ssh-ed25519@openssh.com',
  'sk-ecdsa-sha2-nistp256@openssh.com',
];

function logIn(key: Signer, authenticate: AuthPolicy, password?: string): Promise<Login> {
  const client = {
    user: 'me',
    identities: of(key),
    ...(password === undefined ? {} : { password }),
  };
  return login(client, { failureDelay: 0, authenticate });
}

describe.each(TYPES)('AS20: %s', (type) => {
  it.each<[string, number, AuthDecision, boolean]>([
    ['touched', TOUCHED, true, true],
    ['not touched', 0, true, false],
    ['not touched', 0, { accept: true }, false],
    ['not touched', 0, { accept: true, noTouchRequired: false }, false],
    ['not touched', 0, { accept: true, noTouchRequired: true }, true],
    ['verified and not touched', VERIFIED, true, false],
  ])('%s (flags %d), decided %j: in %p', async (_what, flags, decision, isIn) => {
    const { client } = await logIn(securityKey(type, flags), () => decision);
    expect(client).toMatchObject(isIn ? { value: { method: 'publickey' } } : { error: {} });
  });

  it.each<[string, number, boolean]>([
    ['', TOUCHED, true],
    ['', 0, false],
    ['no-touch-required ', 0, true],
    ['verify-required ', TOUCHED, false],
    ['verify-required ', TOUCHED | VERIFIED, true],
    ['verify-required,no-touch-required ', VERIFIED, true],
    ['no-touch-required,verify-required ', 0, false],
  ])('with "%s" in authorized_keys and flags %d: in %p', async (options, flags, isIn) => {
    const key = securityKey(type, flags);
    const policy = authorizedKeys(`${options}${formatPublicKeyLine(key.publicKey)}`);
    const { client } = await logIn(key, policy);
    expect(client).toMatchObject(isIn ? { value: { method: 'publickey' } } : { error: {} });
    // and as one factor of two
    const { methods, authenticate } = authenticationMethods(['publickey,password'], (attempt) =>
      attempt.method === 'password' ? true : policy(attempt),
    );
    expect(methods).toEqual(['publickey']);
    const both = await logIn(key, authenticate, 'x');
    expect(both.client).toMatchObject(isIn ? { value: { method: 'password' } } : { error: {} });
  });

  it('tells the policy what it has said, and nothing with a question', async () => {
    const told: unknown[] = [];
    await logIn(securityKey(type, TOUCHED | VERIFIED), (attempt) => {
      if (attempt.method === 'publickey') told.push([attempt.signed, attempt.securityKey]);
      return true;
    });
    const state = { isTouched: true, isUserVerified: true, counter: 42 };
    expect(told).toEqual([
      [false, undefined],
      [true, state],
    ]);
  });

  it('is another key for another application', async () => {
    const key = securityKey(type, TOUCHED, 'ssh:work');
    expect(key.publicKey.material).toMatchObject({ application: 'ssh:work' });
    const { client } = await logIn(
      // the signature is over the application of the device, the blob says another
      { ...key, publicKey: securityKey(type, TOUCHED, 'ssh:play').publicKey },
      () => true,
    );
    expect(client).toMatchObject({ error: { kind: 'auth' } });
  });
});
