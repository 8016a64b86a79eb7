/** keyboard-interactive, and logins in two steps: PAM behind OpenSSH's sshd, and AsyncSSH. */
import { describe, expect, it } from '@jest/globals';
import { firstValueFrom } from 'rxjs';
import {
  type Authenticated,
  type ConnectOptions,
  type InteractiveQuestion,
  isSshError,
  withClient,
} from '../../src/node.ts';
import { hasTestAccount } from '../support/peers/account.ts';
import { connectTo } from '../support/peers/ours.ts';
import { describeWithPeer, type Peer, usePeer } from '../support/peers/peer.ts';
import { startAsyncssh } from '../support/peers/python-server.ts';
import { startSshd } from '../support/peers/sshd.ts';

/** PAM asks for the password of the test account. */
const describeWithPassword: typeof describeWithPeer = (peer, name, body) => {
  if (hasTestAccount) describeWithPeer(peer, name, body);
  else describe.skip(`${name} (skipped: no account with a password)`, body);
};

/** Logs in with nothing but what is given. */
function logIn(peer: Peer, options: Partial<ConnectOptions>): Promise<Authenticated> {
  const login$ = connectTo(peer, { identityFiles: [], ...options }).pipe(
    withClient((client) => [client.login]),
  );
  return firstValueFrom(login$);
}

/** Answers everything with one text, and remembers what was asked. */
function answering(text: string): {
  readonly asked: InteractiveQuestion[];
  readonly keyboardInteractive: NonNullable<ConnectOptions['keyboardInteractive']>;
} {
  const asked: InteractiveQuestion[] = [];
  return {
    asked,
    keyboardInteractive: (question) => {
      asked.push(question);
      return question.prompts.map(() => text);
    },
  };
}

async function refused(login: Promise<unknown>): Promise<readonly unknown[]> {
  const error: unknown = await login.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (!isSshError(error, 'auth')) throw error as Error;
  return error.detail.attempts.map(({ method, outcome }) => `${method} ${outcome}`);
}

const PAM = ['UsePAM yes', 'KbdInteractiveAuthentication yes', 'PasswordAuthentication no'];

describeWithPassword('sshd', 'keyboard-interactive of PAM', () => {
  const peer = usePeer(() => startSshd({ config: PAM }));

  it('asks for the password, hidden, and lets in whoever says it', async () => {
    const { asked, keyboardInteractive } = answering(peer().password ?? '');
    const login = await logIn(peer(), { keyboardInteractive });
    expect(login).toMatchObject({ method: 'keyboard-interactive', user: peer().user });
    // PAM ends with a round of no prompts
    expect(asked.map(({ prompts }) => prompts)).toEqual([
      [{ prompt: expect.stringMatching(/password/i) as unknown, echo: false }],
      [],
    ]);
  });

  it('refuses whoever says something else, three times', async () => {
    const { asked, keyboardInteractive } = answering('wrong');
    const attempts = await refused(logIn(peer(), { keyboardInteractive }));
    const interactive = attempts.filter((each) => each === 'keyboard-interactive rejected');
    expect(interactive).toHaveLength(3);
    expect(asked).toHaveLength(3);
  });

  it('takes the right answer after a wrong one', async () => {
    const { password = '' } = peer();
    let count = 0;
    const login = await logIn(peer(), {
      keyboardInteractive: ({ prompts }) => prompts.map(() => (count++ === 0 ? 'wrong' : password)),
    });
    expect(login.attempts).toContainEqual({ method: 'keyboard-interactive', outcome: 'rejected' });
  });
});

describeWithPassword('sshd', 'a login in two steps at sshd', () => {
  describe('publickey,keyboard-interactive', () => {
    const config = [...PAM, 'AuthenticationMethods publickey,keyboard-interactive'];
    const peer = usePeer(() => startSshd({ config }));

    it('takes both, and neither alone', async () => {
      const { keyboardInteractive } = answering(peer().password ?? '');
      const identityFiles = peer().identityFiles.slice(0, 1);
      const login = await logIn(peer(), { identityFiles, keyboardInteractive });
      expect(login.method).toBe('keyboard-interactive');
      expect(login.attempts).toContainEqual(
        expect.objectContaining({ method: 'publickey', outcome: 'partial' }),
      );
      const attempts = await refused(logIn(peer(), { identityFiles }));
      expect(attempts).toContain('publickey partial');
      expect(await refused(logIn(peer(), { keyboardInteractive }))).toContain(
        'keyboard-interactive refused-type',
      );
    });
  });

  describe.each(['publickey,password', 'password,publickey'])('%s', (chain) => {
    const peer = usePeer(() => startSshd({ config: [`AuthenticationMethods ${chain}`] }));

    it('takes both, and neither alone', async () => {
      const { password = '' } = peer();
      const identityFiles = peer().identityFiles.slice(0, 1);
      const login = await logIn(peer(), { identityFiles, password });
      expect(login.method).toBe(chain.split(',')[1]);
      expect(login.attempts).toContainEqual(
        expect.objectContaining({ method: chain.split(',')[0], outcome: 'partial' }),
      );
      await refused(logIn(peer(), { identityFiles }));
      await refused(logIn(peer(), { password }));
    });
  });
});

describeWithPeer('asyncssh', 'keyboard-interactive of AsyncSSH', () => {
  const peer = usePeer(() =>
    startAsyncssh({
      rounds: [
        [
          'Login',
          'Twice, please',
          '',
          [
            ['Password: ', false],
            ['Again: ', true],
          ],
        ],
        ['', 'Nearly there', '', []],
        ['', '', '', [['Once more: ', false]]],
      ],
    }),
  );

  it('asks in rounds, one of them without a prompt', async () => {
    const { asked, keyboardInteractive } = answering(peer().password ?? '');
    const login = await logIn(peer(), { identities: [], keyboardInteractive });
    expect(login.method).toBe('keyboard-interactive');
    const { user } = peer();
    const texts = { name: '', instruction: '', user, attempt: 1 };
    expect(asked).toEqual([
      {
        ...{ user, attempt: 1, round: 1, name: 'Login', instruction: 'Twice, please' },
        prompts: [
          { prompt: 'Password: ', echo: false },
          { prompt: 'Again: ', echo: true },
        ],
      },
      { ...texts, round: 1, instruction: 'Nearly there', prompts: [] },
      { ...texts, round: 2, prompts: [{ prompt: 'Once more: ', echo: false }] },
    ]);
  });

  it('refuses a wrong answer', async () => {
    const { keyboardInteractive } = answering('wrong');
    const attempts = await refused(logIn(peer(), { identities: [], keyboardInteractive }));
    expect(attempts).toContain('keyboard-interactive rejected');
  });
});
