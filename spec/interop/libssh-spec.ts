/** Our client against a server on libssh. */
import { describe, expect, it } from '@jest/globals';
import { tap } from 'rxjs';
import { startLibssh } from '../support/peers/libssh.ts';
import { connectTo, digestOf, digestOfPattern, patternOf, runOn } from '../support/peers/ours.ts';
import { describeWithPeer, usePeer } from '../support/peers/peer.ts';
import { describePlainCases } from '../support/peers/plain-cases.ts';

const MIB = 1024 * 1024;

describeWithPeer('libssh', 'libssh', () => {
  const peer = usePeer(() => startLibssh());
  describePlainCases(peer);

  it('reports a signal', async () => {
    const { exit } = await runOn(peer(), 'signal TERM');
    expect(exit).toMatchObject({ kind: 'signal', signal: 'TERM' });
  });

  describe('that asks for new keys every MiB', () => {
    const asking = usePeer(() => startLibssh(MIB));

    it('gets 10 MiB unharmed', async () => {
      let rekeys = 0;
      const client$ = connectTo(asking()).pipe(
        // eslint-disable-next-line rxjs-x/no-subscribe-in-pipe -- counts beside the pipe, and ends with the client
        tap((client) => client.rekeyed$.subscribe(() => rekeys++)),
      );
      const stdin = patternOf(10 * MIB);
      const digest = await digestOf(client$, 'sha256', { stdin });
      expect(digest.bytes).toBe(64);
      expect(rekeys).toBeGreaterThan(3);
    });

    it('gives 3 MiB back unharmed', async () => {
      const stdin = patternOf(3 * MIB);
      const digest = digestOf(connectTo(asking()), 'cat', { stdin });
      await expect(digest).resolves.toEqual(digestOfPattern(3 * MIB));
    });
  });
});
