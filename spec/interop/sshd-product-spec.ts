/**
 * Our client against sshd: key exchange, host key, cipher, MAC and compression, any two of them together; with RXSSH_FULL in the
 * environment all of them with all.
 */
import { execFileSync } from 'node:child_process';
import { expect, it } from '@jest/globals';
import { firstValueFrom, from, map, mergeMap, type Observable, toArray } from 'rxjs';
import { CIPHERS } from '../../src/crypto/ciphers.ts';
import { MACS } from '../../src/crypto/macs.ts';
import type { Row } from '../../src/crypto/standing.ts';
import { SIGNATURE_ALGORITHMS } from '../../src/keys/signature-algorithms.ts';
import { text, withClient } from '../../src/node.ts';
import { KEX_METHODS } from '../../src/transport/kex-methods.ts';
import { pairwise, product } from '../support/pairwise.ts';
import { connectTo } from '../support/peers/ours.ts';
import { describeWithPeer, type Peer, usePeer } from '../support/peers/peer.ts';
import { startSshd } from '../support/peers/sshd.ts';

const CONNECTIONS_AT_ONCE = 4;
const isFull = process.env['RXSSH_FULL'] !== undefined;
const TIMEOUT_MS = isFull ? 4 * 3_600_000 : 120_000;

/** Our rows that `ssh -Q` names too, but those for keys that this sshd has none of. */
function shared(rows: readonly Row[], query: string): readonly string[] {
  const names = execFileSync('ssh', ['-Q', query], { encoding: 'utf8' }).trim().split('\n');
  return rows
    .map(({ name }) => name)
    .filter((name) => names.includes(name) && !/^sk-|^ssh-dss$/.test(name));
}

describeWithPeer('sshd', 'OpenSSH sshd, algorithms together', () => {
  const kex = shared(KEX_METHODS, 'kex');
  const hostKey = shared(SIGNATURE_ALGORITHMS, 'HostKeyAlgorithms');
  const cipher = shared(CIPHERS, 'cipher');
  const mac = shared(MACS, 'mac');
  const lists = [kex, hostKey, cipher, mac, ['none', 'zlib@openssh.com']];
  const peer = usePeer(() =>
    startSshd({
      config: [
        `KexAlgorithms ${kex.join(',')}`,
        `HostKeyAlgorithms ${hostKey.join(',')}`,
        `Ciphers ${cipher.join(',')}`,
        `MACs ${mac.join(',')}`,
      ],
    }),
  );

  it(
    isFull ? 'all with all' : 'any two',
    async () => {
      const rows = isFull ? product(lists) : pairwise(lists);
      const failed = await firstValueFrom(
        from(rows).pipe(
          mergeMap((row) => echoed(peer(), row), CONNECTIONS_AT_ONCE),
          toArray(),
          map((results) => results.filter((result) => result !== undefined)),
        ),
      );
      expect(failed).toEqual([]);
    },
    TIMEOUT_MS,
  );
});

/** `undefined` when what was agreed on is this row, and an echo came back; else what has happened. */
function echoed(peer: Peer, row: readonly string[]): Observable<string | undefined> {
  const [kex = '', hostKey = '', cipher = '', mac = '', compression = ''] = row;
  const algorithms = {
    ...{ kex: [kex], hostKey: [hostKey] },
    ...{ cipher: [cipher], mac: [mac], compression: [compression] },
  };
  return connectTo(peer, { algorithms }).pipe(
    withClient((client) => client.exec('cat', { stdin: row.join() }).pipe(text())),
    map((output) => (output === row.join() ? undefined : `${row.join()}: ${output}`)),
  );
}
