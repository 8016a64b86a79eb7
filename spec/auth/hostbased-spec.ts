/** hostbased of our client at our server, and of what a server must not take. */
import { describe, expect, it } from '@jest/globals';
import { EMPTY, of, throwError } from 'rxjs';
import type { HostbasedIdentity } from '../../src/auth/client-options.ts';
import type { AuthAttemptInfo, AuthDecision } from '../../src/auth/policy.ts';
import type { ServerAuthOptions } from '../../src/auth/server-options.ts';
import { hostbasedSignedData } from '../../src/auth/signed-data.ts';
import { generatePrivateKey } from '../../src/keys/private-key.ts';
import { parseKnownHosts } from '../../src/keys/known-hosts.ts';
import { formatPublicKeyLine } from '../../src/keys/public-key.ts';
import type { Signer } from '../../src/keys/signer.ts';
import { hostbasedData } from '../../src/messages/userauth.ts';
import { login, type RawClient, withRawClient } from './logins.ts';

const hostKey = generatePrivateKey('ecdsa');
const otherKey = generatePrivateKey('ed25519');
const known = parseKnownHosts(
  `desk.example.org ${formatPublicKeyLine(hostKey.publicKey)}`,
  'known_hosts',
);

/** Lets in those who are called alike on a host that is known. */
const isKnownUser = (attempt: AuthAttemptInfo): AuthDecision =>
  attempt.method === 'hostbased' &&
  known.check({ host: attempt.clientHost, port: 22 }, attempt.hostKey).verdict === 'known' &&
  attempt.localUser === attempt.user;

const server: ServerAuthOptions = {
  methods: ['hostbased', 'password'],
  failureDelay: 0,
  authenticate: isKnownUser,
};
const identity: HostbasedIdentity = {
  hostKeys: of(hostKey),
  clientHost: 'desk.example.org',
  localUser: 'me',
};

describe('hostbased', () => {
  it('lets in a user whose host is known, by the second of its keys', async () => {
    const hostKeys = [of(otherKey), () => [hostKey]];
    const { client, server: served } = await login(
      { user: 'me', hostbased: { ...identity, hostKeys, clientHost: 'desk.example.org.' } },
      server,
    );
    expect(client).toMatchObject({
      value: {
        method: 'hostbased',
        with: expect.stringMatching(/^ecdsa-sha2-nistp256 SHA256:/) as unknown,
        attempts: [
          { method: 'none', outcome: 'rejected' },
          { method: 'hostbased', outcome: 'rejected' },
        ],
      },
    });
    expect(served).toMatchObject({ value: { user: 'me', method: 'hostbased' } });
  });

  it.each<[string, Partial<HostbasedIdentity>]>([
    ['from another host', { clientHost: 'lap.example.org' }],
    ['who is somebody else there', { localUser: 'you' }],
    ['whose host has another key', { hostKeys: of(otherKey) }],
    ['whose host has no key', { hostKeys: EMPTY }],
    ['whose host keys cannot be read', { hostKeys: throwError(() => new Error('EACCES')) }],
  ])('lets nobody in %s', async (_who, wrong) => {
    const { client } = await login({ user: 'me', hostbased: { ...identity, ...wrong } }, server);
    expect(client).toMatchObject({ error: { kind: 'auth' } });
  });

  it('is denied unless the server offers it, whatever the policy says', async () => {
    const asked: string[] = [];
    const { client } = await login(
      { user: 'me', methods: ['hostbased'], hostbased: identity },
      {
        failureDelay: 0,
        authenticate: ({ method }) => {
          asked.push(method);
          return true;
        },
      },
    );
    expect(client).toMatchObject({
      error: { kind: 'auth', detail: { attempts: [{ outcome: 'refused-type' }] } },
    });
    expect(asked).toEqual([]);
  });

  it.each<[string, Partial<HostbasedIdentity>]>([
    ['a host', { clientHost: 'a'.repeat(1025) }],
    ['a user', { localUser: 'a'.repeat(1025) }],
  ])('asks nobody about %s with a name without an end', async (_what, endless) => {
    const asked: string[] = [];
    const { client } = await login(
      { user: 'me', hostbased: { ...identity, ...endless } },
      {
        ...server,
        authenticate: ({ method }) => {
          asked.push(method);
          return true;
        },
      },
    );
    expect(client).toMatchObject({ error: { kind: 'auth' } });
    expect(asked).toEqual([]);
  });

  it('goes on to another method after a part of what is needed, and is not said twice', async () => {
    const methods: string[] = [];
    const { client } = await login(
      {
        user: 'me',
        hostbased: { ...identity, hostKeys: [of(hostKey), of(otherKey)] },
        password: 'x',
      },
      {
        ...server,
        authenticate: (attempt) => {
          methods.push(attempt.method);
          return attempt.method === 'hostbased'
            ? { partial: true, methodsLeft: ['hostbased', 'password'] }
            : true;
        },
      },
    );
    expect(client).toMatchObject({ value: { method: 'password' } });
    expect(methods).toEqual(['hostbased', 'password']);
  });

  it('AS9: takes no signature over anything but this request in this session', async () => {
    const asked: string[] = [];
    const options: ServerAuthOptions = {
      ...server,
      maxFailures: 20,
      authenticate: ({ method }) => {
        asked.push(method);
        return true;
      },
    };
    await withRawClient(options, async (client) => {
      const wrongs: readonly Partial<Claim>[] = [
        { sessionId: new Uint8Array(32) },
        { userName: 'you' },
        { serviceName: 'ssh-userauth' },
        { clientHost: 'lap.example.org' },
        { localUser: 'you' },
        { signer: otherKey },
        { algorithm: 'ssh-ed25519' },
      ];
      for (const wrong of wrongs) await present(client, wrong);
      const answers = await client.answered(wrongs.length);
      expect(answers).toEqual(wrongs.map(() => 'USERAUTH_FAILURE'));
      expect(asked).toEqual([]);
      await present(client);
      expect((await client.answered(wrongs.length + 1)).at(-1)).toBe('USERAUTH_SUCCESS');
      expect(asked).toEqual(['hostbased']);
    });
  });
});

interface Claim {
  readonly sessionId: Uint8Array;
  readonly userName: string;
  readonly serviceName: string;
  readonly clientHost: string;
  readonly localUser: string;
  readonly algorithm: string;
  readonly signer: Signer;
}

/** Sends a request whose signature is over something else where the spec says so. */
async function present({ transport }: RawClient, wrong: Partial<Claim> = {}): Promise<void> {
  const right: Claim = {
    ...{ sessionId: transport.handshake.sessionId, userName: 'me', serviceName: 'ssh-connection' },
    ...{ clientHost: 'desk.example.org', localUser: 'me' },
    ...{ algorithm: 'ecdsa-sha2-nistp256', signer: hostKey },
  };
  const { sessionId, signer, ...signed } = { ...right, ...wrong };
  const blob = hostKey.publicKey.blob;
  const data = hostbasedSignedData(sessionId, { ...signed, hostKey: blob });
  const signature = await signer.sign(data, signer.algorithms[0] ?? '');
  const { userName, serviceName, clientHost, localUser } = right;
  const { algorithm } = signed;
  const methodData = hostbasedData.encode({
    ...{ algorithm, hostKey: blob, clientHost, localUser, signature },
  });
  transport.send({
    ...{ type: 'USERAUTH_REQUEST', userName, serviceName, methodName: 'hostbased', methodData },
  });
}
