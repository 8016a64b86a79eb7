/** Through one host to another: both ends of both connections in this process. */
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  concat,
  EMPTY,
  firstValueFrom,
  lastValueFrom,
  NEVER,
  Observable,
  of,
  throwError,
} from 'rxjs';
import type { SshClient } from '../../src/client/client.ts';
import { connect, type ConnectOptions } from '../../src/client/connect-node.ts';
import { connect as portableConnect } from '../../src/client/connect.ts';
import { text } from '../../src/client/output-operators.ts';
import { dialVia } from '../../src/client/via.ts';
import { exec } from '../../src/client/with-client.ts';
import { SshError } from '../../src/errors.ts';
import { fingerprint } from '../../src/keys/fingerprint.ts';
import { parseKnownHosts } from '../../src/keys/known-hosts.ts';
import { formatPublicKeyLine } from '../../src/keys/public-key.ts';
import { generatePrivateKey } from '../../src/keys/private-key.ts';
import type { DialHandler, DialRequest } from '../../src/server/forwarding.ts';
import { serve } from '../../src/server/serve.ts';
import type { ByteDuplex } from '../../src/streams/byte-duplex.ts';
import { memoryPair } from '../../src/streams/memory-pair.ts';
import { Clock } from '../support/clock.ts';
import {
  closeEmbedded,
  connected,
  embedded,
  keepOpen,
  respond,
  turn,
} from '../support/embedded.ts';

afterEach(closeEmbedded);

const innerKey = generatePrivateKey('ed25519');
const known = (host: string) => ({
  load: () =>
    of(parseKnownHosts(`${host} ${formatPublicKeyLine(innerKey.publicKey)}`, 'known_hosts')),
  add: () => of(true),
});

/** A bastion that leads to a server of its own, and what it was asked for. */
function bastion(dial?: DialHandler) {
  const asked: DialRequest[] = [];
  const inner: ByteDuplex[] = [];
  const log: string[] = [];
  const toInner: DialHandler = (request) => {
    asked.push(request);
    return new Observable<ByteDuplex>((subscriber) => {
      const [near, far] = memoryPair();
      inner.push(far);
      serve(far, {
        hostKeys: [innerKey],
        authenticate: () => of(true),
        authentication: { failureDelay: 0 },
        exec: (session, command) => respond(session, { stdout: `inner: ${command}` }),
      }).subscribe((event) => log.push(`inner ${event.type}${'error' in event ? ' badly' : ''}`));
      subscriber.next(near);
    });
  };
  const outer = embedded(() => NEVER, { server: { forward: { dial: dial ?? toInner } } });
  return { client$: outer.client$, asked, inner, log, outer };
}

const options = (via: Observable<SshClient>): ConnectOptions => ({
  ...{ host: 'inner.example', port: 2222, user: 'alice', password: 'x' },
  ...{ agent: false, identityFiles: [], via, knownHosts: known('[inner.example]:2222') },
});

describe('via', () => {
  it('connects through the other host, by the name and port that it was told', async () => {
    const { client$, asked } = bastion();
    expect(await lastValueFrom(connect(options(client$)).pipe(exec('uname'), text()))).toBe(
      'inner: uname',
    );
    expect(asked.map(({ to }) => to)).toEqual([{ host: 'inner.example', port: 2222 }]);
  });

  it('connects without Node, too', async () => {
    const { client$, asked } = bastion();
    const { host } = options(client$);
    const portable$ = portableConnect({
      ...{ host, user: 'alice', password: 'x', via: client$ },
      hostKeys: { policy: 'pinned', fingerprints: [fingerprint(innerKey.publicKey)] },
    });
    expect(await lastValueFrom(portable$.pipe(exec('uname'), text()))).toBe('inner: uname');
    expect(asked.map(({ to }) => to)).toEqual([{ host: 'inner.example', port: 22 }]);
    const late$ = portableConnect({
      ...{ host, user: 'alice', connectTimeout: 50 },
      via: bastion(() => NEVER).client$,
    });
    await expect(firstValueFrom(late$)).rejects.toMatchObject({ kind: 'timeout' });
  });

  it('checks the key under the name of the host itself', async () => {
    const { client$ } = bastion();
    const wrong = { ...options(client$), knownHosts: known('db1') };
    await expect(firstValueFrom(connect(wrong))).rejects.toMatchObject({
      kind: 'host-key',
      detail: { reason: 'unknown', host: expect.stringContaining('inner.example') },
    });
  });

  it('lets the inner connection go before the outer one, each with its goodbye', async () => {
    const { client$, log, outer } = bastion();
    const connection = connect(options(client$)).subscribe();
    while (!log.includes('inner authenticated')) await turn();
    connection.unsubscribe();
    while (!log.includes('inner closed') || !outer.types().includes('closed')) await turn();
    expect(outer.events.at(-1)).not.toHaveProperty('error');
  });

  it('ends with one error when the outer connection is lost', async () => {
    const { client$, outer } = bastion();
    const client = await connected(connect(options(client$)));
    const closed = firstValueFrom(client.closed$);
    const running = lastValueFrom(client.exec('x')).catch((error: unknown) => error);
    outer.ends[0]?.destroy();
    expect(await closed).toMatchObject({ kind: 'connection-lost' });
    expect(['connection-lost', 'exit']).toContain(((await running) as { kind: string }).kind);
  });

  it('does not take a time that no timer can wait for no time at all', () => {
    const clock = new Clock();
    const bastion$ = concat(of({ dial: () => NEVER } as unknown as SshClient), NEVER);
    keepOpen(dialVia(bastion$, { host: 'inner', port: 22 }, Infinity, clock).subscribe());
    expect(clock.actions.map(({ delay }) => delay)).toEqual([2 ** 31 - 1]);
  });

  it('does not wait longer than connectTimeout for the other host to connect', async () => {
    const { client$ } = bastion(() => NEVER);
    const late = connect({ ...options(client$), connectTimeout: 50 });
    await expect(firstValueFrom(late)).rejects.toMatchObject({
      kind: 'timeout',
      detail: { phase: 'connect', milliseconds: 50 },
    });
  });

  it.each<readonly [string, Observable<SshClient>, string]>([
    [
      'errors',
      throwError(() => new SshError('auth', 'no', { attempts: [], methodsLeft: [] })),
      'auth',
    ],
    ['is empty', EMPTY, 'config'],
    ['does not let us', bastion(() => false).client$, 'channel-open'],
  ])('errors when the way %s', async (_name, via, kind) => {
    await expect(firstValueFrom(connect(options(via)))).rejects.toMatchObject({ kind });
  });

  it('names the host that could not be reached, of several on the way', async () => {
    const middle$ = connect(options(bastion(() => false).client$));
    await expect(
      firstValueFrom(connect({ ...options(middle$), host: 'last.example' })),
    ).rejects.toMatchObject({
      kind: 'channel-open',
      message: expect.stringMatching(/^no way to inner\.example:2222: channel refused: ADMIN/),
      detail: { reasonCode: 1 },
    });
  });

  it('is cold', async () => {
    let count = 0;
    const via = new Observable<SshClient>(() => {
      count++;
    });
    const client$ = connect(options(via));
    expect(count).toBe(0);
    keepOpen(client$.subscribe());
    expect(count).toBe(1);
  });
});
