/** The bulletin board, read by people with OpenSSH's ssh on real terminals, and by a program with our client. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { concat, ignoreElements, lastValueFrom, merge, scan, Subject, takeWhile, tap } from 'rxjs';
import { withClient } from '../../src/client/with-client.ts';
import { connect } from '../../src/node.ts';
import { utf8Bytes, utf8Text } from '../../src/wire/bytes.ts';
import { buildExamples, type Examples } from '../support/examples.ts';
import { onTerminal, type OnTerminal } from '../support/peers/on-terminal.ts';
import { describeWithPeer } from '../support/peers/peer.ts';

const ENTER = '\r';

let folder = '';
let examples: Examples;
let port = '';
let hostKey = '';
const visitors = new Set<OnTerminal>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rxssh-bbs-'));
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'key')]);
  examples = await buildExamples('bbs');
  const { printed } = examples.start('bbs', ['0', join(folder, 'key.pub')]);
  [, port = '', hostKey = ''] = await printed(/^listening on .*:(\d+), (SHA256:\S+)\n/);
}, 60_000);

afterEach(() => {
  for (const visitor of visitors) visitor.stop();
  visitors.clear();
});

afterAll(() => {
  examples.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** Logs in with the real thing. */
function ssh(user: string, ...options: readonly string[]): OnTerminal {
  const visitor = onTerminal([
    ...['ssh', '-F', 'none', '-p', port, '-l', user],
    ...[
      '-o',
      'StrictHostKeyChecking=no',
      '-o',
      `UserKnownHostsFile=${join(folder, 'known_hosts')}`,
    ],
    ...[...options, '127.0.0.1'],
  ]);
  visitors.add(visitor);
  return visitor;
}

const byPassword = ['-o', 'PubkeyAuthentication=no'] as const;

async function enter(visitor: OnTerminal, name: string): Promise<void> {
  await visitor.shows(/The board greets you, .*\r\n/);
  await visitor.shows(/Your name> $/);
  visitor.type(`${name}${ENTER}`);
  await visitor.shows(new RegExp(`Welcome, ${name}!.*\r\n`));
}

describeWithPeer('ssh', 'bbs', () => {
  it('greets, asks for a name, says it, and lets go', async () => {
    const guest = ssh('guest', ...byPassword);
    await guest.shows(/guest@127.0.0.1's password: /);
    guest.type(`rxjs${ENTER}`);
    await enter(guest, 'Ada');
    guest.type(`bye${ENTER}`);
    await guest.shows(/Bye!\r\n/);
    expect(await guest.exited).toEqual({ status: 0, signal: 0 });
  });

  it('lets nobody in with another password or key', async () => {
    const guest = ssh('guest', ...byPassword, '-o', 'NumberOfPasswordPrompts=1');
    await guest.shows(/password: /);
    guest.type(`wrong${ENTER}`);
    await guest.shows(/Permission denied/);
    expect((await guest.exited).status).toBe(255);
  });

  it('is one board for many: posts, news of the others, who is there', async () => {
    const key = ['-i', join(folder, 'key'), '-o', 'PreferredAuthentications=publickey'];
    const [ada, bob] = [ssh('ada', ...key), ssh('bob', ...key)];
    await enter(ada, 'Ada');
    await enter(bob, 'Bob');
    await ada.shows(/\* Bob has come\r\n/);
    bob.type(`Adx\u007fa is half way through a line when news come`);
    await bob.shows(/news come$/);
    ada.type(`post Hallo, schöne Welt!${ENTER}`);
    await bob.shows(/\* Ada has posted\r\n[^]*Bob> Ada is half way through a line when news come/);
    bob.type(`\u0015read${ENTER}`);
    await bob.shows(/\d\d:\d\d Ada: Hallo, schöne Welt!\r\n/);
    bob.type(`who${ENTER}`);
    await bob.shows(/Ada, Bob\r\n/);
    bob.type('\u0004');
    await ada.shows(/\* Bob has gone\r\n/);
    expect((await bob.exited).status).toBe(0);
    ada.stop();
  });

  it('knows that somebody whose connection is cut has gone', async () => {
    const key = ['-i', join(folder, 'key')];
    const [ada, bob] = [ssh('ada', ...key), ssh('bob', ...key)];
    await enter(ada, 'Eve');
    await enter(bob, 'Bob');
    ada.stop();
    await bob.shows(/\* Eve has gone\r\n/);
  });

  it('is no board without a terminal', () => {
    const key = ['-i', join(folder, 'key'), '-o', 'StrictHostKeyChecking=no'];
    const known = ['-o', `UserKnownHostsFile=${join(folder, 'known_hosts')}`];
    const args = ['-F', 'none', '-T', ...key, ...known, '-p', port, '127.0.0.1'];
    const read = (): unknown => execFileSync('ssh', args, { input: '', stdio: 'pipe' });
    expect(read).toThrow(expect.objectContaining({ status: 1 }));
  });

  it('is read by a program too', async () => {
    const typed = new Subject<Uint8Array>();
    const hostKeys = { policy: 'pinned', fingerprints: [hostKey] } as const;
    const client$ = connect({
      host: '127.0.0.1',
      port: Number(port),
      user: 'bot',
      password: 'rxjs',
      hostKeys,
    });
    const answers: readonly (readonly [RegExp, string])[] = [
      [/Your name> $/, `Bot${ENTER}`],
      [/Welcome, Bot![^]*Bot> $/, `post 1 + 1 = 2${ENTER}`],
      [/Thank you\.[^]*Bot> $/, `bye${ENTER}`],
    ];
    let step = 0;
    const text$ = client$.pipe(
      withClient((client) =>
        client.session().pipe(
          withClient((session) => {
            const typing$ = session.stdin.pump(typed).pipe(ignoreElements());
            return concat(session.requestPty(), session.shell(), merge(typing$, session.stdout$));
          }),
        ),
      ),
      scan((text, bytes) => text + utf8Text(bytes), ''),
      tap((text) => {
        const [pattern, answer = ''] = answers[step] ?? [];
        if (pattern?.test(text) !== true) return;
        step++;
        typed.next(utf8Bytes(answer));
      }),
      takeWhile((text) => !text.includes('Bye!'), true),
    );
    expect(await lastValueFrom(text$)).toContain('Bye!');
    expect(step).toBe(3);
  });
});
