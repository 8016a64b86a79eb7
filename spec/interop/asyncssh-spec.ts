/** Our client against a server on AsyncSSH. */
import { describeCoreCases } from '../support/peers/core-cases.ts';
import { describeWithPeer, usePeer } from '../support/peers/peer.ts';
import { startAsyncssh } from '../support/peers/python-server.ts';

describeWithPeer('asyncssh', 'AsyncSSH', () => {
  describeCoreCases(
    usePeer(() => startAsyncssh()),
    { talksThroughKeyExchange: true },
  );
});
