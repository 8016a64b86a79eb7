/** Options of who writes without types. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { NEVER, of } from 'rxjs';
import { generatePrivateKey } from '../../src/keys/private-key.ts';
import { closeEmbedded, connected, embedded } from '../support/embedded.ts';
import { login } from './logins.ts';

afterEach(closeEmbedded);

const key = generatePrivateKey('ed25519');
const hostbased = { hostKeys: of(key), clientHost: 'desk', localUser: 'me' };
const sources = 'a function or an Observable that emits keys, or a list of these';

describe('a login with an option that is none', () => {
  it.each<readonly [object, string, string]>([
    [{ user: undefined }, 'user', 'is missing: a text'],
    [{ user: 5 }, 'user', 'is not a text'],
    [{ hostbased: {} }, 'hostbased.hostKeys', `is missing: ${sources}`],
    [{ hostbased: null }, 'hostbased.hostKeys', `is missing: ${sources}`],
    [{ hostbased: { ...hostbased, hostKeys: key } }, 'hostbased.hostKeys', `is not ${sources}`],
    [
      { hostbased: { ...hostbased, clientHost: undefined } },
      'hostbased.clientHost',
      'is missing: a text',
    ],
    [{ hostbased: { ...hostbased, localUser: 0 } }, 'hostbased.localUser', 'is not a text'],
    [{ identities: {} }, 'identities', `is not ${sources}`],
    [{ identities: [key] }, 'identities', `is not ${sources}`],
    [{ password: 5 }, 'password', 'is not a text or a function'],
    [{ passwordTries: '3' }, 'passwordTries', 'is not a number'],
    [{ keyboardInteractive: ['secret'] }, 'keyboardInteractive', 'is not a function'],
    [{ changePassword: 'new' }, 'changePassword', 'is not a function'],
    [{ methods: 'publickey' }, 'methods', 'is not a list of texts'],
    [{ signatureAlgorithms: [1] }, 'signatureAlgorithms', 'is not a list of texts'],
  ])('errors with config and its name: %j', async (options, option, problem) => {
    const { client$ } = embedded(() => NEVER, { client: options });
    await expect(connected(client$)).rejects.toMatchObject({
      ...{ kind: 'config', message: `${option} ${problem}`, detail: { option } },
    });
  });

  it('takes what is right, and what is left undefined', async () => {
    const { client } = await login(
      { user: 'me', password: 'pw', hostbased, identities: undefined as never },
      { methods: ['password'], failureDelay: 0, authenticate: () => true },
    );
    expect(client).toMatchObject({ value: { method: 'password' } });
  });

  it('is told what its own function for banners has thrown', async () => {
    const banner = (): never => {
      throw new Error('broken');
    };
    const { client } = await login(
      { user: 'me', password: 'pw', banner },
      { banner: 'hello', authenticate: () => true },
    );
    expect(client).toMatchObject({
      error: { kind: 'config', message: 'banner has thrown: broken' },
    });
  });
});
