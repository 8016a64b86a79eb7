/** Our SFTP client against the servers of others: paramiko's, AsyncSSH's, npm ssh2's. */
import { describe } from '@jest/globals';
import { describeWithPeer, usePeer } from '../support/peers/peer.ts';
import { startAsyncssh, startParamiko } from '../support/peers/python-server.ts';
import { describeSftpCases } from '../support/peers/sftp-cases.ts';
import { startSsh2 } from '../support/peers/ssh2-server.ts';

describeWithPeer('paramiko', 'paramiko', () => {
  // It decodes names as UTF-8, and ends the session at one that is not.
  describeSftpCases(
    usePeer(() => startParamiko()),
    { hasOnlyText: true },
  );
});

describeWithPeer('asyncssh', 'AsyncSSH', () => {
  describeSftpCases(usePeer(() => startAsyncssh()));
});

describe('npm ssh2', () => {
  describeSftpCases(usePeer(startSsh2), { hasOnlyText: true });
});
