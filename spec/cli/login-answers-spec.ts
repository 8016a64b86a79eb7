/** Questions of a server, and its wish for a new password, at a real terminal. */
import { writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { concat, map, of, switchMap, toArray } from 'rxjs';
import type { Challenge } from '../../src/auth/policy.ts';
import { startOurServer } from '../support/peers/our-server.ts';
import { usePeer } from '../support/peers/peer.ts';
import { useCli } from './cli.ts';
import { describeOnTerminal, type Dialogue, runDialogue, type Step } from './terminal.ts';

const cli = useCli();

describeOnTerminal('at the terminal', () => {
  const peer = usePeer(() =>
    startOurServer({
      authentication: { failureDelay: 0, methods: ['keyboard-interactive', 'password'] },
      authenticate: (attempt) => {
        if (attempt.user === 'asked' && attempt.method === 'keyboard-interactive')
          return attempt
            .ask({
              name: 'Two\u001b[2J',
              instruction: 'Say both.',
              prompts: [{ prompt: 'Who\u001b[2J? ', echo: true }, { prompt: 'Code: ' }],
            })
            .pipe(
              switchMap((first) =>
                attempt
                  .ask({ prompts: [{ prompt: 'Again: ' }] })
                  .pipe(map((second) => [...first, ...second].join() === 'me,12,34')),
              ),
            );
        if (attempt.user !== 'old' || attempt.method !== 'password') return of(false);
        if (attempt.newPassword !== undefined) return of(attempt.newPassword === 'fresh');
        return of({ changePassword: true, prompt: 'Too old\u001b[2J.' } as const);
      },
    }),
  );
  beforeAll(() => writeFileSync(cli.file('known'), `${peer().knownHostsLines.join('\n')}\n`));

  const login = (user: string, steps: readonly Step[], ...more: string[]): Promise<Dialogue> => {
    const { host, port } = peer();
    const options = ['-o', `UserKnownHostsFile=${cli.file('known')}`, '-p', String(port), ...more];
    return runDialogue(cli, ['exec', ...options, `${user}@${host}`, '--', 'echo "i"n'], steps);
  };

  it('L3, L4: asks what the server asks, in rounds, with its text escaped and echo where it is wanted', async () => {
    const { output, status, echo } = await login('asked', [
      ['(asked@127.0.0.1) Who\\x1b[2J? ', 'me\r'],
      ['(asked@127.0.0.1) Code: ', '12\r'],
      ['(asked@127.0.0.1) Again: ', '34\r'],
    ]);
    expect({ status, echo }).toEqual({ status: 0, echo: [true, false, false, true] });
    expect(output).toContain('rxssh: asked@127.0.0.1 says: Two\\x1b[2J\r\n');
    expect(output).toContain('rxssh: asked@127.0.0.1 says: Say both.\r\n');
    expect(output).not.toContain('\u001b[2J');
    expect(output).toMatch(/in\r\n$/);
  });

  it('asks again after wrong answers, and gives up at the end of the input', async () => {
    const { status, echo } = await login(
      'asked',
      [
        ['Who', 'me\r'],
        ['Code: ', '12\r'],
        ['Again: ', '35\r'],
        ['Who', 'me\r'],
        ['Code: ', '\u0004'],
      ],
      ...['-o', 'PreferredAuthentications=keyboard-interactive'],
    );
    expect({ status, echo: echo.at(-1) }).toEqual({ status: 255, echo: true });
  });

  it('asks nothing with KbdInteractiveAuthentication=no, nor with NumberOfPasswordPrompts=0', async () => {
    for (const off of ['KbdInteractiveAuthentication=no', 'NumberOfPasswordPrompts=0']) {
      const more = ['-o', off, '-o', 'PasswordAuthentication=no'];
      const { status, output } = await login('asked', [], ...more);
      expect(status).toBe(255);
      expect(output).not.toContain('Who');
    }
  });

  it('asks for a new password twice, and again when they differ', async () => {
    const { output, status, echo } = await login('old', [
      ["old@127.0.0.1's password: ", 'stale\r'],
      ['new password: ', 'fresh\r'],
      ['new password again: ', 'fersh\r'],
      ['new password: ', 'fresh\r'],
      ['new password again: ', 'fresh\r'],
    ]);
    expect(status).toBe(0);
    expect(echo).toEqual([false, false, false, false, false, true]);
    expect(output).toContain('rxssh: old@127.0.0.1 says: Too old\\x1b[2J.\r\n');
    expect(output).toContain('again: \r\nrxssh: the passwords are not the same\r\n');
    for (const secret of ['stale', 'fresh', 'fersh']) expect(output).not.toContain(secret);
  });
});

describe('RXSSH_PASSWORD, without a terminal', () => {
  const asked: string[] = [];
  const hidden = { prompt: 'Password: ' };
  const ROUNDS: Readonly<Record<string, readonly Challenge[]>> = {
    one: [{ prompts: [hidden] }],
    told: [{ instruction: 'Hello.', prompts: [] }, { prompts: [hidden] }],
    shown: [{ prompts: [{ prompt: 'Name: ', echo: true }] }],
    two: [{ prompts: [hidden, hidden] }],
    code: [{ prompts: [hidden] }, { prompts: [{ prompt: 'Code: ' }] }],
  };
  const peer = usePeer(() =>
    startOurServer({
      authentication: { failureDelay: 0, methods: ['keyboard-interactive'] },
      authenticate: (attempt) => {
        if (attempt.method !== 'keyboard-interactive') return false;
        const rounds = ROUNDS[attempt.user] ?? [];
        return concat(...rounds.map((challenge) => attempt.ask(challenge))).pipe(
          toArray(),
          map((answers) => {
            asked.push(answers.flat().join());
            return answers.flat().every((answer) => answer === 'secret');
          }),
        );
      },
    }),
  );

  it.each([
    ['one', 'secret', 0],
    ['told', 'secret', 0],
    ['one', 'wrong', 255],
    ['shown', 'secret', 255],
    ['two', 'secret', 255],
    ['code', 'secret', 255],
  ])('answers a single hidden prompt and nothing else: %s, %s', async (user, password, status) => {
    asked.length = 0;
    const { host, port, knownHostsLines } = peer();
    const known = cli.file('known-of-asking');
    writeFileSync(known, `${knownHostsLines.join('\n')}\n`);
    const options = ['-o', `UserKnownHostsFile=${known}`, '-p', String(port)];
    const args = ['exec', ...options, `${user}@${host}`, '--', 'echo in'];
    const done = await cli.run(args, { env: { RXSSH_PASSWORD: password } });
    expect([done.status, done.stdout.toString()]).toEqual([status, status === 0 ? 'in\n' : '']);
    expect(asked).toEqual(password === 'wrong' || status === 0 ? [password] : []);
  });
});
