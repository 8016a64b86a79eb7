/** Our client against Erlang's server: logins, a command, new keys under way, SFTP. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, jest } from '@jest/globals';
import { concat, lastValueFrom, map, toArray } from 'rxjs';
import { sftp } from '../../src/node.ts';
import { type ErlangServer, startErlang } from '../support/peers/erlang.ts';
import { connectTo, patternOf } from '../support/peers/ours.ts';
import { describeWithPeer, usePeer } from '../support/peers/peer.ts';
import { describePlainCases } from '../support/peers/plain-cases.ts';

const MIB = 1024 * 1024;

describeWithPeer('erl', 'Erlang', () => {
  // its own fault: it drops one connection in a hundred, whoever the client is
  jest.retryTimes(2);
  let server: ErlangServer | undefined;
  const peer = usePeer(async () => (server = await startErlang()));

  describePlainCases(peer);

  it('has files: put, listed, got, renamed, removed', async () => {
    const folder = server?.files ?? '';
    const bytes = Buffer.concat([...patternOf(MIB)]);
    const [here, back] = [join(folder, '..', 'here'), join(folder, '..', 'back')];
    writeFileSync(here, bytes);
    const names = await lastValueFrom(
      connectTo(peer()).pipe(
        sftp((files) =>
          concat(
            files.put(here, '/there'),
            // over what is there: it has no posix-rename@openssh.com
            files.put(here, '/there'),
            files.rename('/there', '/moved'),
            files.get('/moved', back),
            files.list('/').pipe(
              toArray(),
              map((entries) => entries.map(({ name }) => name.text)),
            ),
          ).pipe(toArray()),
        ),
      ),
    );
    expect(names.at(-1)).toContain('moved');
    expect(readFileSync(back).equals(bytes)).toBe(true);
    await lastValueFrom(connectTo(peer()).pipe(sftp((files) => files.remove('/moved'))), {
      defaultValue: undefined,
    });
    const gone = lastValueFrom(connectTo(peer()).pipe(sftp((files) => files.stat('/moved'))));
    await expect(gone).rejects.toMatchObject({ kind: 'sftp' });
  });
});
