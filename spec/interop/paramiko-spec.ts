/** Our client against a server on paramiko, which sends no server-sig-algs. */
import { expect, it } from '@jest/globals';
import { describeCoreCases } from '../support/peers/core-cases.ts';
import { connectTo, digestOf, digestOfPattern, patternOf } from '../support/peers/ours.ts';
import { describeWithPeer, usePeer } from '../support/peers/peer.ts';
import { startParamiko } from '../support/peers/python-server.ts';

const MIB = 1024 * 1024;

describeWithPeer('paramiko', 'paramiko', () => {
  describeCoreCases(usePeer(() => startParamiko()));
});

describeWithPeer('paramiko', 'paramiko that asks for new keys every MiB', () => {
  const peer = usePeer(() => startParamiko({ rekeyBytes: MIB }));

  it('gets and gives 10 MiB unharmed', async () => {
    const stdin = patternOf(10 * MIB);
    const digest = await digestOf(connectTo(peer()), 'cat', { stdin });
    expect(digest).toEqual(digestOfPattern(10 * MIB));
    const changes =
      peer()
        .log()
        .match(/Switch to new keys/g) ?? [];
    expect(changes.length).toBeGreaterThanOrEqual(5);
  });
});
