/** Our client against OpenSSH's sshd: every algorithm that both have, in each combination. */
import { execFileSync } from 'node:child_process';
import { expect, it } from '@jest/globals';
import { firstValueFrom, from, map, mergeMap, toArray } from 'rxjs';
import { CIPHERS } from '../../src/crypto/ciphers.ts';
import { MACS } from '../../src/crypto/macs.ts';
import type { Row } from '../../src/crypto/standing.ts';
import { SIGNATURE_ALGORITHMS } from '../../src/keys/signature-algorithms.ts';
import { text, withClient } from '../../src/node.ts';
import { KEX_METHODS } from '../../src/transport/kex-methods.ts';
import { connectTo } from '../support/peers/ours.ts';
import { describeWithPeer, usePeer } from '../support/peers/peer.ts';
import { startSshd } from '../support/peers/sshd.ts';

interface Suite {
  readonly cipher: string;
  /** An AEAD has none. */
  readonly mac: string | undefined;
}

const CONNECTIONS_AT_ONCE = 4;
const TIMEOUT_MS = 60_000;

describeWithPeer('sshd', 'OpenSSH sshd, each combination of algorithms', () => {
  const peer = usePeer(() => startSshd());
  const suites = shared(CIPHERS, 'cipher').flatMap((cipher): readonly Suite[] =>
    cipher.isAead
      ? [{ cipher: cipher.name, mac: undefined }]
      : shared(MACS, 'mac').map((mac) => ({ cipher: cipher.name, mac: mac.name })),
  );
  const handshakes = shared(KEX_METHODS, 'kex').flatMap((kex) =>
    shared(SIGNATURE_ALGORITHMS, 'HostKeyAlgorithms').map((hostKey) => [kex.name, hostKey.name]),
  );

  it.each(handshakes as [string, string][])(
    '%s, %s, every cipher and MAC',
    async (kex, hostKey) => {
      const results = await firstValueFrom(
        from(suites).pipe(
          mergeMap(({ cipher, mac }) => {
            const offered = { kex: [kex], hostKey: [hostKey], cipher: [cipher] };
            const algorithms = mac === undefined ? offered : { ...offered, mac: [mac] };
            return connectTo(peer(), { algorithms }).pipe(
              withClient((client) =>
                client.exec('cat', { stdin: `${cipher} ${mac ?? ''}` }).pipe(
                  text(),
                  map((output) => ({ output, agreed: client.handshake.algorithms, cipher, mac })),
                ),
              ),
            );
          }, CONNECTIONS_AT_ONCE),
          toArray(),
        ),
      );
      expect(results).toHaveLength(suites.length);
      for (const { output, agreed, cipher, mac } of results) {
        expect(output).toBe(`${cipher} ${mac ?? ''}`);
        expect(agreed).toMatchObject({ kex, hostKey });
        for (const direction of [agreed.clientToServer, agreed.serverToClient]) {
          expect(direction.cipher).toBe(cipher);
          if (mac !== undefined) expect(direction.mac).toBe(mac);
        }
      }
    },
    TIMEOUT_MS,
  );
});

/** Our rows that `ssh -Q` names too: sshd is built from the same tables. */
function shared<R extends Row>(rows: readonly R[], query: string): readonly R[] {
  const names = execFileSync('ssh', ['-Q', query], { encoding: 'utf8' }).trim().split('\n');
  return rows.filter(({ name }) => names.includes(name));
}
