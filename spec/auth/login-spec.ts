/** Logins of our client at our server, over whole transports. */
import { describe, expect, it } from '@jest/globals';
import { of } from 'rxjs';
import { isSshError } from '../../src/errors.ts';
import { generatePrivateKey } from '../../src/keys/private-key.ts';
import { equalPublicKeys } from '../../src/keys/public-key.ts';
import { login } from './logins.ts';

const key = generatePrivateKey('ed25519', { comment: 'me@example.org' });
const otherKey = generatePrivateKey('ecdsa');

describe('a login', () => {
  it.each([undefined, 1])('by key, after another key was rejected (chunk %p)', async (chunk) => {
    const { client, server } = await login(
      { user: 'me', identities: () => [otherKey, key] },
      {
        failureDelay: 1,
        authenticate: (attempt) =>
          of(attempt.method === 'publickey' && equalPublicKeys(attempt.publicKey, key.publicKey)),
      },
      chunk === undefined ? {} : { chunk },
    );
    expect(client).toMatchObject({
      value: {
        user: 'me',
        method: 'publickey',
        attempts: [
          { method: 'none', outcome: 'rejected' },
          { method: 'publickey', outcome: 'rejected' },
        ],
      },
    });
    expect(server).toMatchObject({ value: { user: 'me', publicKey: { type: 'ssh-ed25519' } } });
  });

  it('by password, wrong at first, on the same connection', async () => {
    const passwords = ['wrong', 'right'];
    const { client, server } = await login(
      { user: 'me', password: () => of(passwords.shift()) },
      {
        failureDelay: 1,
        authenticate: (attempt) =>
          of(attempt.method === 'password' && attempt.password === 'right'),
      },
    );
    expect(client).toMatchObject({ value: { method: 'password' } });
    expect(server).toMatchObject({ value: { user: 'me', method: 'password' } });
  });

  it('that fails lists what was tried', async () => {
    const { client } = await login(
      { user: 'me', identities: () => [key], password: 'guess' },
      { failureDelay: 1, authenticate: () => of(false) },
    );
    const error = 'error' in client ? client.error : undefined;
    expect(isSshError(error, 'auth')).toBe(true);
    expect(error?.message).toMatch(
      /^authentication failed for me: publickey ssh-ed25519 SHA256:\S+ \(me@example\.org\) rejected; password rejected; the server offers publickey, password$/,
    );
  });
});
