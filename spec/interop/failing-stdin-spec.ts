/** A dump that breaks off against OpenSSH's sshd, which closes a command's input at CLOSE as if it were the end. */
import { expect, it } from '@jest/globals';
import { concat, lastValueFrom, of, switchMap, throwError, timer } from 'rxjs';
import { exec, exitStatus } from '../../src/node.ts';
import { connectTo, runOn } from '../support/peers/ours.ts';
import { describeWithPeer, usePeer } from '../support/peers/peer.ts';
import { startSshd } from '../support/peers/sshd.ts';

describeWithPeer('sshd', 'a failing source of stdin at OpenSSH sshd', () => {
  const peer = usePeer(() => startSshd());

  it('ends the command before it could take half of its input for the whole', async () => {
    const folder = (await runOn(peer(), 'mktemp -d')).stdout.trim();
    const broken = new Error('the dump broke off');
    const failure$ = timer(100).pipe(switchMap(() => throwError(() => broken)));
    const restore = `cat > ${folder}/half; mv ${folder}/half ${folder}/committed`;
    const restore$ = connectTo(peer()).pipe(
      exec(restore, { stdin: concat(of('half'), failure$) }),
      exitStatus(),
    );
    await expect(lastValueFrom(restore$)).rejects.toBe(broken);
    // another command's turn: what the first one was to do is done by now
    const { stdout } = await runOn(peer(), `sleep 0.3; ls ${folder}; rm -r ${folder}`);
    expect(stdout).toBe('half\n');
  });
});
