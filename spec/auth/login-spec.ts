/** Logins of our client at our server, over whole transports. */
import { describe, expect, it } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { firstValueFrom, lastValueFrom, map, of, Subscription, tap, timer } from 'rxjs';
import { authenticateClient } from '../../src/auth/client.ts';
import { authenticateServer } from '../../src/auth/server.ts';
import { serverSigAlgs } from '../../src/auth/signature-choice.ts';
import { isSshError } from '../../src/errors.ts';
import { generatePrivateKey, PrivateKey } from '../../src/keys/private-key.ts';
import { equalPublicKeys } from '../../src/keys/public-key.ts';
import { CONNECTION_MESSAGES } from '../../src/messages/connection.ts';
import { nest } from '../../src/operators/nest.ts';
import type { SshTransport } from '../../src/streams/transport.ts';
import type { TraceEvent } from '../../src/streams/trace.ts';
import { transportPair } from '../support/transports.ts';
import { login } from './logins.ts';

const key = generatePrivateKey('ed25519', { comment: 'me@example.org' });
const otherKey = generatePrivateKey('ecdsa');

/** An RSA key that signs here. */
const rsaKey = (() => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = privateKey.export({ format: 'jwk' });
  const number = (text = ''): bigint =>
    BigInt(`0x${Buffer.from(text, 'base64url').toString('hex')}`);
  const { n, e, d, p, q, qi } = jwk;
  return new PrivateKey({
    ...{ kind: 'rsa', n: number(n), e: number(e), d: number(d) },
    ...{ p: number(p), q: number(q), iqmp: number(qi) },
  });
})();

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

  it('by key and password, where both are needed', async () => {
    const asked: string[] = [];
    const { client, server } = await login(
      { user: 'me', identities: () => [otherKey, key], password: 'right' },
      {
        failureDelay: 1,
        authenticate: (attempt) => {
          asked.push(attempt.method);
          if (attempt.method === 'publickey')
            return of(
              equalPublicKeys(attempt.publicKey, key.publicKey)
                ? { partial: true as const, methodsLeft: ['password'] }
                : false,
            );
          return of(attempt.partialSuccesses.length === 1);
        },
      },
    );
    expect(client).toMatchObject({
      value: {
        method: 'password',
        attempts: [
          { method: 'none', outcome: 'rejected' },
          { method: 'publickey', outcome: 'rejected' },
          { method: 'publickey', outcome: 'partial' },
        ],
      },
    });
    expect(server).toMatchObject({
      value: {
        method: 'password',
        partialSuccesses: [{ method: 'publickey', publicKey: key.publicKey }],
      },
    });
    expect(asked).toEqual(['publickey', 'publickey', 'password']);
  });

  it('by two keys, where two are needed', async () => {
    const { client, server } = await login(
      { user: 'me', identities: [() => [key], () => [otherKey]] },
      {
        authenticate: ({ partialSuccesses }) =>
          of(partialSuccesses.length === 1 || { partial: true, methodsLeft: ['publickey'] }),
      },
    );
    expect(client).toMatchObject({ value: { method: 'publickey' } });
    expect(server).toMatchObject({
      value: { publicKey: otherKey.publicKey, partialSuccesses: [{ publicKey: key.publicKey }] },
    });
  });

  it.each([
    ['rsa-sha2-512', [serverSigAlgs()]],
    ['rsa-sha2-256', [serverSigAlgs(['rsa-sha2-256'])]],
    ['rsa-sha2-256', []],
  ])('by RSA key with %s', async (algorithm, extensions) => {
    const used: string[] = [];
    const { client } = await login(
      { user: 'me', identities: () => [rsaKey] },
      {
        authenticate: (attempt) => {
          if (attempt.method === 'publickey' && attempt.signed) used.push(attempt.algorithm);
          return of(true);
        },
      },
      {},
      { server: { extensions } },
    );
    expect(client).toMatchObject({ value: { method: 'publickey' } });
    expect(used).toEqual([algorithm]);
  });

  it('shows the banner, once', async () => {
    const banners: string[] = [];
    await login(
      { user: 'me', password: 'x', banner: (text) => banners.push(text) },
      { authenticate: () => of(true), banner: 'Authorized users only\n' },
    );
    expect(banners).toEqual(['Authorized users only\n']);
  });

  it('goes on through new keys in the middle', async () => {
    let transport: SshTransport | undefined;
    const { client, server } = await login(
      {
        user: 'me',
        password: () => {
          transport?.rekey();
          return timer(5).pipe(map(() => 'x'));
        },
      },
      { authenticate: () => timer(5).pipe(map(() => true)) },
      {},
      {},
      (client) => (transport = client),
    );
    expect(client).toMatchObject({ value: { method: 'password' } });
    expect(server).toMatchObject({ value: { method: 'password' } });
  });

  it('tells a trace what was tried, and no secret', async () => {
    const events: TraceEvent[] = [];
    const trace = (event: TraceEvent) => events.push(event);
    await login(
      { user: 'me', password: 'hunter2' },
      { authenticate: () => of(true) },
      {},
      { client: { trace } },
    );
    expect(events.filter(({ type }) => type === 'auth')).toEqual([
      { type: 'auth', user: 'me', method: 'none', outcome: 'rejected' },
      { type: 'auth', user: 'me', method: 'password', outcome: 'accepted' },
    ]);
    expect(JSON.stringify(events)).not.toContain('hunter2');
  });

  it('lets both sides enter the next phase before the next packet is looked at', async () => {
    const { client$, server$ } = transportPair();
    const open = new Subscription();
    const received = new Promise((resolve) => {
      open.add(
        server$.subscribe((transport) =>
          open.add(
            authenticateServer(transport, { authenticate: () => of(true) }).subscribe(() => {
              transport.enterPhase('connection', CONNECTION_MESSAGES);
              open.add(transport.upper$.subscribe(({ message }) => resolve(message)));
            }),
          ),
        ),
      );
    });
    open.add(
      client$.subscribe((transport) =>
        open.add(
          authenticateClient(transport, { user: 'me', password: 'x' }).subscribe(() => {
            transport.enterPhase('connection', CONNECTION_MESSAGES);
            transport.send({ type: 'CHANNEL_EOF', recipientChannel: 7 });
          }),
        ),
      ),
    );
    expect(await received).toEqual({ type: 'CHANNEL_EOF', recipientChannel: 7 });
    open.unsubscribe();
  });

  it('is over: a SERVICE_REQUEST behind it ends the connection', async () => {
    const { client$, server$ } = transportPair();
    const served$ = server$.pipe(
      nest((transport) =>
        authenticateServer(transport, { authenticate: () => of(true) }).pipe(
          tap(() => transport.enterPhase('connection', CONNECTION_MESSAGES)),
        ),
      ),
    );
    const client = client$.subscribe({
      next: (transport) =>
        client.add(
          authenticateClient(transport, { user: 'me', password: 'x' }).subscribe(() =>
            transport.send({ type: 'SERVICE_REQUEST', serviceName: 'ssh-userauth' }),
          ),
        ),
      error: () => undefined,
    });
    await expect(lastValueFrom(served$)).rejects.toMatchObject({ kind: 'protocol' });
    client.unsubscribe();
  });

  it('that the server has cut short is a failed login for whoever built it on the transport', async () => {
    const { client$, server$ } = transportPair();
    const authenticate = () => of(false);
    const served = server$
      .pipe(nest((transport) => authenticateServer(transport, { authenticate, maxFailures: 2 })))
      .subscribe({ error: () => undefined });
    const login$ = client$.pipe(
      nest((transport) => authenticateClient(transport, { user: 'me', password: () => of('x') })),
    );
    await expect(firstValueFrom(login$)).rejects.toMatchObject({
      ...{ kind: 'auth', cause: { kind: 'disconnect', detail: { reasonCode: 14 } } },
    });
    served.unsubscribe();
  });
});
