/** Programs that ask people, answered by a program: at OpenSSH's sshd, on a terminal of its. */
import { expect, it } from '@jest/globals';
import { concat, lastValueFrom, map, toArray } from 'rxjs';
import { Dialogue, session, shell } from '../../src/node.ts';
import { connectTo } from '../support/peers/ours.ts';
import { describeWithPeer, usePeer } from '../support/peers/peer.ts';
import { startSshd } from '../support/peers/sshd.ts';

/** Asks as `sudo` does: without an echo, and again when it was wrong. */
const ASK = `
for try in 1 2 3; do
  read -rsp 'password: ' typed; echo
  [ "$typed" = correct ] && echo "welcome at try $try" && exit 0
  echo 'Sorry, try again.'
done; exit 1`;

describeWithPeer('sshd', 'a dialogue at OpenSSH sshd', () => {
  const peer = usePeer(() => startSshd());

  it('answers a prompt that does not echo, twice', async () => {
    const work$ = connectTo(peer()).pipe(
      session((opened) => {
        const dialogue = new Dialogue(opened);
        return concat(
          opened.requestPty(),
          opened.exec(['bash', '-c', ASK]),
          dialogue.answer('password: ', 'wrong\n'),
          dialogue.answer(/try again\.\s+password: /, 'correct\n'),
          dialogue
            .waitFor(/welcome at try (\d)/)
            .pipe(map(({ before, match }) => ({ before, match }))),
          opened.exit$,
        );
      }),
      toArray(),
    );
    expect((await lastValueFrom(work$)).slice(2)).toEqual([
      { before: '\r\n', match: ['welcome at try 2', '2'] },
      { kind: 'status', status: 0 },
    ]);
  });

  it('talks to a shell, one command after the other', async () => {
    const work$ = connectTo(peer()).pipe(
      shell((opened) => {
        const dialogue = new Dialogue(opened);
        return concat(
          dialogue.answer(/[$#] $/, "PS1='re''ady> '; stty -echo\n"),
          dialogue.answer('ready> ', 'echo $((6 * 7))\n'),
          dialogue.answer(/^(\d+)\r\nready> /m, 'exit 3\n').pipe(map(({ match }) => match[1])),
          opened.exit$,
        );
      }),
      toArray(),
    );
    expect((await lastValueFrom(work$)).slice(2)).toEqual(['42', { kind: 'status', status: 3 }]);
  });
});
