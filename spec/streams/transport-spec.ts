import { describe, expect, it } from '@jest/globals';
import { combineLatest, filter, firstValueFrom, scan, switchMap, tap } from 'rxjs';
import { CIPHERS } from '../../src/crypto/ciphers.ts';
import { MACS } from '../../src/crypto/macs.ts';
import { isSshError } from '../../src/errors.ts';
import type { Row } from '../../src/crypto/standing.ts';
import { KEX_METHODS } from '../../src/transport/kex-methods.ts';
import { SUITES } from '../support/suites.ts';
import { defaultProposal, hostKey, transportPair } from '../support/transports.ts';

describe('openTransport', () => {
  it.each([1, 7, 1000, undefined])('does a handshake in chunks of %s', async (chunk) => {
    const { client$, server$ } = transportPair(chunk === undefined ? {} : { chunk });
    const [client, server] = await firstValueFrom(combineLatest([client$, server$]));
    expect(client.handshake.sessionId).toEqual(server.handshake.sessionId);
    expect(client.handshake.algorithms).toEqual(server.handshake.algorithms);
    expect(client.handshake.strictKeyExchange).toBe(true);
    expect(client.handshake.isPostQuantum).toBe(true);
    expect(client.handshake.hostKey?.key.blob).toEqual(hostKey.publicKey.blob);
  });

  const isLegacy = ({ standing }: Row): boolean => standing === 'legacy';
  const isStrong = (row: Row): boolean => !isLegacy(row);
  const combinations = [
    ...KEX_METHODS.filter(isStrong).flatMap((kex) =>
      CIPHERS.filter(isStrong).flatMap((cipher) =>
        (cipher.isAead ? [undefined] : MACS.filter(isStrong)).map(
          (mac) => [kex.name, cipher.name, mac?.name] as const,
        ),
      ),
    ),
    ...KEX_METHODS.filter(isLegacy).map(({ name }) => [name, 'aes128-cbc', 'hmac-md5'] as const),
    ...SUITES.filter(({ cipher, mac }) => isLegacy(cipher) || (mac && isLegacy(mac))).map(
      ({ cipher, mac }) => ['curve25519-sha256', cipher.name, mac?.name] as const,
    ),
  ];
  it.each(combinations)('%s, %s, %s', async (kex, cipher, mac) => {
    const proposal = {
      ...defaultProposal,
      kex: [kex],
      cipher: [cipher],
      mac: mac === undefined ? [] : [mac],
    };
    const { client$, server$ } = transportPair({ chunk: 64 }, { proposal }, { proposal });
    const rekeyed = await firstValueFrom(
      combineLatest([client$, server$]).pipe(
        switchMap(([client, server]) => {
          // keys are asked for behind the login
          for (const side of [client, server]) side.enterPhase('connection', []);
          client.rekey();
          // the client has sent its NEWKEYS before the server is through: either may begin the next
          return server.rekeyed$.pipe(
            scan((count) => count + 1, 0),
            tap((count) => (count === 1 ? server : client).rekey()),
          );
        }),
        filter((count) => count === 3),
      ),
    );
    expect(rekeyed).toBe(3);
  });

  it('tells both sides what they have not in common', async () => {
    const proposal = { ...defaultProposal, cipher: ['aes128-ctr'] };
    const { client$, server$ } = transportPair(
      {},
      { proposal },
      { proposal: { ...proposal, cipher: ['aes256-ctr'] } },
    );
    server$.subscribe({ error: () => undefined });
    const error: unknown = await firstValueFrom(client$).catch((e: unknown) => e);
    expect(isSshError(error, 'key-exchange') && error.detail.failure).toEqual({
      category: 'cipher client to server',
      ours: ['aes128-ctr'],
      theirs: ['aes256-ctr'],
    });
  });
});
