/** Our client against OpenSSH's sshd: every algorithm that both have, and every way to new keys while data is under way. */
import { execFileSync } from 'node:child_process';
import { expect, it } from '@jest/globals';
import {
  concat,
  concatMap,
  defer,
  forkJoin,
  firstValueFrom,
  from,
  map,
  mergeMap,
  of,
  type Observable,
  toArray,
} from 'rxjs';
import { CIPHERS } from '../../src/crypto/ciphers.ts';
import { MACS } from '../../src/crypto/macs.ts';
import type { Row } from '../../src/crypto/standing.ts';
import { isSecurityKeyType } from '../../src/keys/security-keys.ts';
import { SIGNATURE_ALGORITHMS } from '../../src/keys/signature-algorithms.ts';
import { type AlgorithmOptions, text, type Tracer, withClient } from '../../src/node.ts';
import type { Algorithms } from '../../src/transport/negotiation.ts';
import { KEX_METHODS } from '../../src/transport/kex-methods.ts';
import { toHex } from '../../src/wire/bytes.ts';
import { connectTo, digestOf, digestOfPattern, patternOf, runOn } from '../support/peers/ours.ts';
import { describeWithPeer, type Peer, usePeer } from '../support/peers/peer.ts';
import { keyChanges, startSshd } from '../support/peers/sshd.ts';

const MIB = 1024 * 1024;
const CONNECTIONS_AT_ONCE = 4;
const TIMEOUT_MS = 60_000;

/** Our rows that `ssh -Q` names too: sshd is built from the same tables. */
function shared(rows: readonly Row[], query: string): readonly string[] {
  const names = execFileSync('ssh', ['-Q', query], { encoding: 'utf8' }).trim().split('\n');
  return rows.map(({ name }) => name).filter((name) => names.includes(name));
}

/** Logs in with each of these, has something echoed, and says what was agreed on. */
function agreed(peer: Peer, all: readonly AlgorithmOptions[]): Promise<readonly Algorithms[]> {
  const echo = (algorithms: AlgorithmOptions): Observable<Algorithms> =>
    connectTo(peer, { algorithms }).pipe(
      withClient((client) =>
        client.exec('cat', { stdin: JSON.stringify(algorithms) }).pipe(
          text(),
          map((output) => {
            expect(JSON.parse(output)).toEqual(algorithms);
            return client.handshake.algorithms;
          }),
        ),
      ),
    );
  return firstValueFrom(
    from(all).pipe(
      mergeMap(
        (algorithms, at) => echo(algorithms).pipe(map((result) => [at, result] as const)),
        CONNECTIONS_AT_ONCE,
      ),
      toArray(),
      map((results) => results.sort(([a], [b]) => a - b).map(([, result]) => result)),
    ),
  );
}

describeWithPeer('sshd', 'OpenSSH sshd, each algorithm', () => {
  const methods = shared(KEX_METHODS, 'kex');
  // it has no device, and no DSA key
  const rows = SIGNATURE_ALGORITHMS.filter(
    ({ name }) => !isSecurityKeyType(name) && name !== 'ssh-dss',
  );
  const hostKeys = shared(rows, 'HostKeyAlgorithms');
  const ciphers = shared(CIPHERS, 'cipher');
  const macs = shared(MACS, 'mac');
  // weak ones have to be named there too
  const peer = usePeer(() =>
    startSshd({
      config: [
        `KexAlgorithms ${methods.join(',')}`,
        `HostKeyAlgorithms ${hostKeys.join(',')}`,
        `Ciphers ${ciphers.join(',')}`,
        `MACs ${macs.join(',')}`,
      ],
    }),
  );

  it('has all key exchange methods but those that are newer than it', () => {
    const missing = KEX_METHODS.map(({ name }) => name).filter((name) => !methods.includes(name));
    expect(missing.filter((name) => !name.startsWith('mlkem'))).toEqual([]);
    expect(hostKeys).toHaveLength(rows.length);
  });

  it.each(methods)(
    '%s, with every host key',
    async (kex) => {
      const all = hostKeys.map((hostKey) => ({ kex: [kex], hostKey: [hostKey] }));
      const results = await agreed(peer(), all);
      expect(results.map((result) => [result.kex, result.hostKey])).toEqual(
        hostKeys.map((hostKey) => [kex, hostKey]),
      );
    },
    TIMEOUT_MS,
  );

  it.each(ciphers)(
    '%s, with every MAC',
    async (cipher) => {
      const isAead = CIPHERS.find(({ name }) => name === cipher)?.isAead ?? false;
      const all = isAead
        ? [{ cipher: [cipher] }]
        : macs.map((mac) => ({ cipher: [cipher], mac: [mac] }));
      const results = await agreed(peer(), all);
      const expected = isAead ? [''] : macs;
      for (const way of ['clientToServer', 'serverToClient'] as const)
        expect(results.map((result) => [result[way].cipher, result[way].mac])).toEqual(
          expected.map((mac) => [cipher, mac]),
        );
    },
    TIMEOUT_MS,
  );

  it.each(ciphers)(
    'diffie-hellman-group-exchange-sha256, in a group that is as strong as %s',
    async (cipher) => {
      const groups: number[] = [];
      const trace: Tracer = (event) => {
        if (event.type === 'packet' && event.message === 'KEX_DH_GEX_GROUP')
          groups.push(event.bytes);
      };
      const algorithms = { kex: ['diffie-hellman-group-exchange-sha256'], cipher: [cipher] };
      await runOn(peer(), 'true', {}, { algorithms, trace });
      // a number, p with its sign byte, and g, with their lengths
      const bits = cipher.startsWith('aes128') ? 3072 : /^(aes192|3des)/.test(cipher) ? 7680 : 8192;
      expect(groups).toEqual([1 + (4 + bits / 8 + 1) + (4 + 1)]);
    },
    TIMEOUT_MS,
  );

  it.each(methods)(
    'new keys under way, %s',
    async (kex) => {
      const before = keyChanges(peer());
      const client$ = connectTo(peer(), {
        algorithms: { kex: [kex] },
        rekey: { bytes: 256 * 1024 },
      });
      const digest = await digestOf(client$, 'cat', { stdin: patternOf(2 * MIB) });
      expect(digest).toEqual(digestOfPattern(2 * MIB));
      // cat gives back what it is sent: four of each, and the first
      expect(keyChanges(peer()) - before).toBeGreaterThanOrEqual(5);
    },
    TIMEOUT_MS,
  );

  it.each(ciphers)(
    'new keys under way both ways, under %s, while other commands begin and end',
    async (cipher) => {
      const numbers = Array.from({ length: 20 }, (_, number) => String(number));
      const before = keyChanges(peer());
      const algorithms = { kex: ['curve25519-sha256'], cipher: [cipher] };
      const client$ = connectTo(peer(), { algorithms, rekey: { bytes: 128 * 1024 } });
      const answers = await firstValueFrom(
        client$.pipe(
          withClient((client) => {
            const others$ = from(numbers).pipe(
              concatMap((number) =>
                client.exec(`echo ${number}; cat`, { stdin: '!' }).pipe(text()),
              ),
              toArray(),
            );
            return forkJoin([digestOf(of(client), 'cat', { stdin: patternOf(MIB) }), others$]);
          }),
        ),
      );
      expect(answers).toEqual([digestOfPattern(MIB), numbers.map((number) => `${number}\n!`)]);
      expect(keyChanges(peer()) - before).toBeGreaterThanOrEqual(5);
    },
    TIMEOUT_MS,
  );

  it('K7: new keys by one method after another, under MACs of 64 bytes', async () => {
    const kex = ['curve25519-sha256'];
    const algorithms = { kex, cipher: ['aes256-ctr'], mac: ['hmac-sha2-512'] };
    const client$ = connectTo(peer(), { algorithms });
    const chain = [
      'curve25519-sha256',
      'diffie-hellman-group16-sha512',
      'ecdh-sha2-nistp384',
      'diffie-hellman-group-exchange-sha256',
      'curve25519-sha256',
    ];
    const seen = await firstValueFrom(
      client$.pipe(
        withClient((client) =>
          from(chain).pipe(
            concatMap((name) =>
              defer(() => {
                // the list is read again for each proposal
                kex[0] = name;
                return concat(client.rekey(), client.exec('cat', { stdin: name }).pipe(text()));
              }).pipe(map((echo) => ({ echo, handshake: client.connection.transport.handshake }))),
            ),
          ),
        ),
        toArray(),
      ),
    );
    expect(seen.map(({ echo }) => echo)).toEqual(chain);
    expect(seen.map(({ handshake }) => handshake.algorithms.kex)).toEqual(chain);
    expect(new Set(seen.map(({ handshake }) => toHex(handshake.sessionId))).size).toBe(1);
  });
});
